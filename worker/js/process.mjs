// Removes Node's `process`. workerd makes it, out of a dozen of Node's modules, when it is first read, which takes as
// long as the start of Go itself. wasm_exec.js reads it, and has a stub of its own for where there is none.

Reflect.deleteProperty(globalThis, "process");
