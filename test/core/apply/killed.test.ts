import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ChaosStage } from '../../support/chaos.ts';
import { plugin, startPlugin } from '../../support/plugin.ts';
import { Random } from '../../support/random.ts';

const ROUNDS = process.env.TEST_CHAOS ? 200 : 20;
const SEED = Number(process.env.TEST_SEED ?? 20261123);

test.serial(
  `killed at ${ROUNDS} random moments, the next run makes the cluster what the manifests say`,
  async (t) => {
    t.timeout(30 * 60_000);
    const chaos = await ChaosStage.make(t);
    const cwd = mkdtempSync(join(tmpdir(), 'killed-'));
    t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
    const random = new Random(SEED);
    const set = ['--applyset', `${chaos.on.namespace}/set`, '--prune', '--prune-allow=100%'];
    const args = ['apply', '-f', 'set.yaml', ...set];
    let duration = 1000;
    let interrupted = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const story = `seed ${SEED}, round ${round}`;
      let wanted = chaos.random(random);
      writeFileSync(join(cwd, 'set.yaml'), wanted.yaml);
      const { child, done } = startPlugin(args, { cwd });
      const timer = setTimeout(() => child.kill('SIGKILL'), random.int(duration));
      const { code } = await done;
      clearTimeout(timer);
      if (code === null) interrupted += 1;
      // The next run may want something else: what only the killed one wanted has to go.
      if (random.chance(0.5)) {
        wanted = chaos.random(random);
        writeFileSync(join(cwd, 'set.yaml'), wanted.yaml);
      }
      const start = Date.now();
      const { code: finished, stdout, stderr } = await plugin(args, { cwd });
      duration = Math.max(200, Date.now() - start);
      t.is(finished, 0, `${story}: ${stdout}${stderr}`);
      await chaos.holds(wanted, story);
    }
    t.log(`${interrupted} of ${ROUNDS} rounds were killed before their end`);
    t.true(interrupted > ROUNDS / 4);
  },
);
