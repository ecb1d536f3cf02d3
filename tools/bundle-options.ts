import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

const root = dirname(import.meta.dirname);

/** Of everything that is built here; package.json is the one place that holds it. */
export const VERSION: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

// Of every bundle, in the npm package and in executables.
export const BUNDLE_OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  minifySyntax: true,
  define: { VERSION: JSON.stringify(VERSION) },
  // Without it, ws would mask byte by byte, and that costs more than all else it does.
  alias: { bufferutil: './core/grpc/websocket-mask.ts' },
  // The objects of deploy/ are a part of `install`, the scripts of `completion`, pages of docs/ of `help`.
  loader: { '.yaml': 'text', '.sh': 'text', '.md': 'text' },
  logLevel: 'warning',
  metafile: true,
} as const satisfies BuildOptions;

/** yargs measures text by string-width, whose Intl.Segmenter costs 22 ms at import. Our help texts are ASCII. */
export const stringWidth: Plugin = {
  name: 'string-width',
  setup(build) {
    build.onResolve({ filter: /^string-width$/ }, () => ({ path: 'string-width', namespace: 'ascii' }));
    build.onLoad({ filter: /.*/, namespace: 'ascii' }, () => ({
      contents: 'export default (text) => text.replace(/\\x1b\\[[0-9;]*m/g, "").length;',
    }));
  },
};
