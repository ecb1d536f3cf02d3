/** Run as `node --random-seed=1 compile.ts SOURCE CACHE`: writes what V8 makes of a script when it is loaded. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Script } from 'node:vm';

const [source, cache] = process.argv.slice(2) as [string, string];
const script = new Script(readFileSync(source, 'latin1'), { filename: 'plugin.cjs' });
// What it runs to be loaded is compiled then, and so is in the cache.
script.runInThisContext()(createRequire(source));
writeFileSync(cache, script.createCachedData());
