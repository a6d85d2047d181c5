// Keeps every Wasm instance that is made, so that a test can look into it and kill it.
const Instance = WebAssembly.Instance;
globalThis.instances = [];
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    globalThis.instances.push(this);
  }
};
