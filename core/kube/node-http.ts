/**
 * Node's `http`, not by import: the ES module form of a built-in module reads every export when it is made, and one
 * export of this one (WebSocket) loads all of undici then, 20 to 40 ms for nothing.
 */
export const http = process.getBuiltinModule('node:http');
