// Stands for `main.js` in a single executable. Everything but `version` is an asset of it: to load that much code,
// compiled as it is, costs 8 ms.
import { getRawAsset } from 'node:sea';
import { Script } from 'node:vm';

type Plugin = (require: NodeJS.Require) => { main(): Promise<void> };

/** Loads the rest, with V8's compiled code where the executable has it, and runs it. */
export async function main(): Promise<void> {
  // The build writes ASCII only.
  const source = Buffer.from(getRawAsset('plugin.cjs')).toString('latin1');
  const compiled = Buffer.from(getRawAsset('plugin.cache'));
  const script = new Script(source, {
    filename: 'plugin.cjs',
    ...(compiled.length > 0 && { cachedData: compiled }),
  });
  const load = script.runInThisContext() as Plugin;
  await load(require).main();
}
