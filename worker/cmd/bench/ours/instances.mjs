// Keeps every Wasm instance that is made, so that its memory can be looked at.

export const instances = [];

const Instance = WebAssembly.Instance;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    instances.push(this);
  }
};
