/**
 * Compiles proto/ into core/grpc/generated. With `--check` it writes nothing and fails where that is not what buf would
 * write.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const root = dirname(import.meta.dirname);
const GENERATED = 'core/grpc/generated';

function generate(into: string): void {
  const { status } = spawnSync('buf', ['generate', '--output', into], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

function filesOf(directory: string): string {
  const names = readdirSync(directory).sort();
  return names.map((name) => `${name}\n${readFileSync(join(directory, name), 'utf8')}`).join('\n');
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
if (!values.check) generate(root);
else {
  const fresh = mkdtempSync(join(tmpdir(), 'gitlab-agent-protocol-'));
  try {
    generate(fresh);
    if (filesOf(join(root, GENERATED)) !== filesOf(join(fresh, GENERATED))) {
      process.stderr.write(`${GENERATED} is not what proto/ says: npm run reference\n`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
