// The executable `kubectl-gitlab_agent`. It stays tiny and is bundled as CommonJS on its own, so that `version`
// costs what starting Node costs, and so that a Node too old for the rest can still read it and say so.
import { watchOutput } from './output-errors.ts';

declare const VERSION: string;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `error: kubectl gitlab-agent needs Node.js 22.19 or newer, and this is ${process.versions.node}\n` +
      'hint: put a newer node first in PATH\n',
  );
  process.exitCode = 2;
} else if (process.argv.length === 3 && (process.argv[2] === 'version' || process.argv[2] === '--version')) {
  watchOutput(process);
  process.stdout.write(`kubectl gitlab-agent v${VERSION}\n`);
} else {
  // Compiled code is kept between runs; a missing or read-only cache directory is no error.
  (require('node:module') as typeof import('node:module')).enableCompileCache?.();
  import('./main.js').then(({ main }) => main());
}
