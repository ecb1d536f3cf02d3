import test, { type ExecutionContext } from 'ava';
import { type StepOptions, type StepResult, step } from '../support/action.ts';
import { json, text } from '../support/gitlab/answer.ts';
import {
  endpointLimited,
  type Fault,
  htmlError,
  overloaded,
  rateLimited,
  serverError,
} from '../support/gitlab/faults.ts';
import { gitText } from '../support/gitlab/git-process.ts';
import { Random } from '../support/random.ts';
import { CONFIG, type Company, company, config } from './world.ts';

/** What the stand-in can play, each at every request of each scenario: once, or from there on. */
const FAULTS: Record<string, Fault> = {
  cut: 'cut',
  'cut after': 'cut after',
  hang: 'hang',
  'half an answer': { cutAfter: 20 },
  '500': serverError(),
  '500 after': { answerAfter: json(500, { message: '500 Internal Server Error' }) },
  '502 page': htmlError(502),
  '504 after': { answerAfter: text(504, 'upstream timed out') },
  '503 overloaded': overloaded(2),
  '429': rateLimited(2),
  '429 endpoint': endpointLimited(),
  '401': { answer: json(401, { message: '401 Unauthorized' }) },
  '403': { answer: json(403, { message: '403 Forbidden' }) },
  '404': { answer: json(404, { message: '404 Project Not Found' }) },
  '409': { answer: json(409, { message: 'Another update to this commit status is in progress' }) },
  slow: { bytesPerSecond: 50_000 },
};

interface Scenario {
  options: Omit<StepOptions, 'gitlab'>;
  inputs: Record<string, string>;
  /** Whether everything is as it should be at the end. */
  check: (result: StepResult) => Promise<void>;
}

const file = (value: string) => ({
  'k8s/web.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {x: "${value}"}\n`,
});

const countOf = async (directory: string) =>
  Number(await gitText(['rev-list', '--count', 'main'], { cwd: directory }));

/** Each begins with what there is before the job. */
const SCENARIOS: Record<string, (t: ExecutionContext, world: Company) => Promise<Scenario>> = {
  'wait by statuses': async (t, { shop, token, report }) => {
    const commit = await shop.commit(file('1'));
    const newer = await shop.commit(file('2'));
    await report(newer, 'success', 'done');
    return {
      options: { project: shop, commit },
      inputs: { mode: 'wait', agent: 'production', token },
      check: async ({ outputs }) => {
        t.is(outputs.commit, newer);
      },
    };
  },
  'wait by deployments': async (t, { shop, deployed }) => {
    const commit = await shop.commit(file('1'));
    const newer = await shop.commit(file('2'));
    await deployed(newer, 'success');
    const { value } = shop.createJobToken();
    return {
      options: { project: shop, commit, env: { CI_JOB_TOKEN: value } },
      inputs: { mode: 'wait', environment: 'production' },
      check: async ({ outputs }) => {
        t.is(outputs.commit, newer);
      },
    };
  },
  'deploy by config': async (t, { shop, agents, token }) => {
    const commit = await shop.commit(file('1'));
    await agents.commit({ [CONFIG]: config() });
    return {
      options: { project: shop, commit },
      inputs: {
        mode: 'deploy',
        strategy: 'config',
        config_project: 'group/agents',
        agent: 'production',
        token,
        wait: 'false',
      },
      check: async () => {
        t.true((await gitText(['show', `main:${CONFIG}`], { cwd: agents.directory })).includes(commit));
        t.is(await countOf(agents.directory), 2, 'one commit, however often it was tried');
      },
    };
  },
  'deploy by a merge request': async (t, { gitlab, shop, agents }) => {
    const commit = await shop.commit(file('1'));
    await agents.commit({ [CONFIG]: config() });
    const bob = gitlab.createUser('bob');
    for (const project of [shop, agents]) project.addMember('bob', 'developer');
    return {
      options: { project: shop, commit },
      inputs: {
        mode: 'deploy',
        strategy: 'config',
        config_project: 'group/agents',
        agent: 'production',
        token: bob.createToken({ scopes: ['api'] }).value,
        merge_request: 'true',
      },
      check: async () => {
        t.is(agents.mergeRequests.length, 1);
        const branch = agents.mergeRequests[0]!.sourceBranch;
        t.true((await gitText(['show', `${branch}:${CONFIG}`], { cwd: agents.directory })).includes(commit));
      },
    };
  },
  'deploy with images': async (t, { gitlab, shop, agents, token }) => {
    await agents.commit({ [CONFIG]: config() });
    await shop.commit({ 'k8s/web.yaml': 'image: web:1\n', 'k8s/db.yaml': 'image: db:1\n' });
    const app = await gitlab.createProject('group/app');
    const commit = await app.commit({ 'main.c': '' });
    return {
      options: { project: app, commit },
      inputs: {
        mode: 'deploy',
        strategy: 'config',
        manifest_project: 'group/shop',
        config_project: 'group/agents',
        agent: 'production',
        images: 'web:2\ndb:2',
        token,
        wait: 'false',
      },
      check: async () => {
        const head = (await shop.head())!;
        t.is(await countOf(shop.directory), 2);
        t.is(await gitText(['show', 'main:k8s/web.yaml'], { cwd: shop.directory }), 'image: web:2\n');
        t.is(await gitText(['show', 'main:k8s/db.yaml'], { cwd: shop.directory }), 'image: db:2\n');
        t.true((await gitText(['show', `main:${CONFIG}`], { cwd: agents.directory })).includes(head));
      },
    };
  },
  'deploy by a branch': async (t, { shop, token }) => {
    const first = await shop.commit(file('1'));
    const commit = await shop.commit(file('2'));
    await shop.setBranch('production', first);
    return {
      options: { project: shop, commit },
      inputs: { mode: 'deploy', strategy: 'branch', branch: 'production', token, wait: 'false' },
      check: async () => {
        t.is(await shop.head('production'), commit);
      },
    };
  },
  'diff with a note': async (t, { shop, token }) => {
    const base = await shop.commit(file('1'));
    const commit = await shop.commit(file('2'), { branch: 'change', from: base });
    const request = await shop.openMergeRequest({ sourceBranch: 'change' });
    return {
      options: {
        project: shop,
        commit,
        env: {
          CI_MERGE_REQUEST_IID: '1',
          CI_MERGE_REQUEST_PROJECT_PATH: shop.path,
          CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
        },
      },
      inputs: { mode: 'diff', token },
      check: async ({ outputs }) => {
        t.is(outputs.update, '1');
        const notes = request.notes.filter(({ system }) => !system);
        t.is(notes.length, 1, 'one note, however often it was tried');
        t.regex(notes[0]!.body, /1 to change/);
      },
    };
  },
  'diff with what was applied': async (t, { shop, agents, token, report, deployed }) => {
    const first = await shop.commit(file('1'));
    await agents.commit({ [CONFIG]: config() });
    await report(first, 'success', 'done');
    await deployed(first, 'success', 'staging');
    const commit = await shop.commit(file('2'));
    return {
      options: { project: shop, commit },
      inputs: {
        mode: 'diff',
        token,
        agent: 'production',
        config_project: 'group/agents',
        environment: 'production',
      },
      check: async ({ outputs }) => {
        t.is(outputs.update, '1');
      },
    };
  },
};

const SEED = Number(process.env.TEST_SEED ?? 20261126);
/** Of the cases of each scenario; `npm run test:chaos` takes all. */
const SAMPLE = Number(process.env.TEST_SAMPLE ?? 8);
/** A case waits more than it works. */
const AT_ONCE = 6;

const TIMEOUTS = { timeout: '60s' };

interface Case {
  /** The request that is hurt, from 1. */
  at: number;
  fault: string;
  /** Else all that follow are hurt, too. */
  once: boolean;
  title: string;
}

async function prepare(t: ExecutionContext, name: string) {
  const world = await company(t);
  const scenario = await SCENARIOS[name]!(t, world);
  const run = (more: Partial<StepOptions> = {}) =>
    step(t, { gitlab: world.gitlab, ...scenario.options, ...more }, { ...TIMEOUTS, ...scenario.inputs });
  return { ...world, ...scenario, run };
}

/** Every fault at every request of a run without any. */
async function casesOf(t: ExecutionContext, name: string): Promise<Case[]> {
  const calm = await prepare(t, name);
  const before = calm.gitlab.requests.length;
  const done = await calm.run();
  t.is(done.code, 0, done.log);
  await calm.check(done);
  return calm.gitlab.requests.slice(before).flatMap(({ method, path, kind }, index) =>
    Object.keys(FAULTS).flatMap((fault) =>
      // Git's own patience is minutes; REST has the test's.
      fault === 'hang' && kind === 'git'
        ? []
        : [true, false].map((once) => {
            const title = `${fault} ${once ? 'at' : 'from'} request ${index + 1}: ${method} ${path}`;
            return { at: index + 1, fault, once, title };
          }),
    ),
  );
}

async function play(t: ExecutionContext, name: string, { at, fault, once, title }: Case): Promise<void> {
  const hurt = await prepare(t, name);
  await using _ended = hurt.gitlab;
  let count = 0;
  const set = hurt.gitlab.fault(FAULTS[fault]!, {
    on: () => {
      count += 1;
      return once ? count === at : count >= at;
    },
  });
  const result = await hurt.run(fault === 'hang' ? { requestTimeout: 2_000 } : {});
  set.clear();
  t.true(result.code === 0 || result.code === 1, `${title}\n${result.log}`);
  const errors = result.log.split('\n').filter((line) => line.startsWith('error: '));
  t.is(errors.length, result.code === 0 ? 0 : 1, `${title}\n${result.log}`);
  t.notRegex(result.log, /unexpected|undefined|\bat .*\.ts:\d+/, title);
  if (result.code === 0) await hurt.check(result);
  const again = await hurt.run();
  t.is(again.code, 0, `${title}, and once more\n${result.log}\n${again.log}`);
  await hurt.check(again);
}

for (const [name] of Object.entries(SCENARIOS))
  test.serial(
    `${name}: whatever fails at whichever request, it ends right or in one sentence, and once more is enough`,
    async (t) => {
      t.timeout(60 * 60_000);
      const cases = await casesOf(t, name);
      const random = new Random(SEED);
      const chosen = process.env.TEST_CHAOS ? cases : random.shuffle(cases).slice(0, SAMPLE);
      t.log(`${cases.length} cases, ${chosen.length} of them`);
      const failed: string[] = [];
      const left = chosen.values();
      const work = async (): Promise<void> => {
        for (const one of left)
          try {
            await play(t, name, one);
          } catch {
            // What was asserted is in ava's own report.
            failed.push(one.title);
          }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      if (failed.length > 0) t.log(`failed:\n${failed.join('\n')}`);
      t.deepEqual(failed, []);
    },
  );
