// Keeps Node's `process` out of the way. workerd makes it, out of a dozen of Node's modules, when somebody first
// looks at it, which takes as long as the start of Go itself. wasm_exec.js looks, and has a stub of its own for
// where there is none.

Reflect.deleteProperty(globalThis, "process");
