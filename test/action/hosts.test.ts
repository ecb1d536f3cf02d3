import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { githubHost } from '../../action/github-host.ts';
import { dotenvText, gitlabHost } from '../../action/gitlab-host.ts';
import { githubJob, gitlabJob } from '../../action/job.ts';

const TOKEN = 'glpat-canary-of-a-token';

test.serial(
  'GitLab: sections, safe lines, outputs within the limits of dotenv files, nothing of a secret',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'host-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    let log = '';
    const dotenv = join(directory, 'deep', 'outputs.env');
    const outputFile = join(directory, 'outputs.jsonl');
    const host = gitlabHost({
      job: gitlabJob({}, directory),
      write: (text) => {
        log += text;
      },
      now: () => 1_700_000_000_500,
      dotenv,
      outputFile,
    });
    host.hide(TOKEN);
    t.is(log, '', 'masking prints nothing');
    const result = await host.section('Wait\nfor it', async () => {
      host.say(`\x1b[31mred\x1b[0m ${TOKEN} ${Buffer.from(TOKEN).toString('base64')}\n::error::x`);
      return 7;
    });
    t.is(result, 7);
    await t.throwsAsync(host.section('x', () => Promise.reject(new Error('no'))));
    t.is(
      log,
      '\x1b[0Ksection_start:1700000000:gitlab_agent_1\r\x1b[0KWait for it\n' +
        '\\x1b[31mred\\x1b[0m [hidden] [hidden]\n::error::x\n' +
        '\x1b[0Ksection_end:1700000000:gitlab_agent_1\r\x1b[0K\n' +
        '\x1b[0Ksection_start:1700000000:gitlab_agent_2\r\x1b[0Kx\n' +
        '\x1b[0Ksection_end:1700000000:gitlab_agent_2\r\x1b[0K\n',
    );
    host.output({ status: 'success', note_url: `https://x/${TOKEN}` });
    host.output({ status: 'failed\nA=1' });
    t.is(
      readFileSync(dotenv, 'utf8'),
      'GITLAB_AGENT_STATUS=failed A=1\nGITLAB_AGENT_NOTE_URL=https://x/[hidden]\n',
    );
    t.is(readFileSync(outputFile, 'utf8').split('\n')[0], '{"name":"status","value":"success"}');
  },
);

test('a dotenv file has at most 20 variables and 5 KB', (t) => {
  const many = new Map(Array.from({ length: 30 }, (_, index) => [`v${index}`, 'x']));
  t.is(dotenvText(many).trimEnd().split('\n').length, 20);
  const long = new Map(Array.from({ length: 15 }, (_, index) => [`v${index}`, 'ä'.repeat(5000)]));
  t.true(Buffer.byteLength(dotenvText(long)) <= 5 * 1024);
});

test.serial(
  'GitHub: commands for masks, groups and annotations, files for outputs and the summary',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'host-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const files = Object.fromEntries(
      ['GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY'].map((name) => [name, join(directory, name)]),
    );
    for (const file of Object.values(files)) writeFileSync(file, '');
    const before = { ...process.env };
    Object.assign(process.env, files);
    let log = '';
    const { write } = process.stdout;
    process.stdout.write = ((text: string) => {
      log += text;
      return true;
    }) as typeof write;
    try {
      const host = githubHost(githubJob({}, directory, undefined), files);
      host.hide(TOKEN);
      await host.section('Compare', async () => host.say(`::set-output name=x::${TOKEN}\n  ::error::y`));
      host.fail([{ code: 'X', message: 'broken', file: 'a.yaml', line: 3, hint: 'mend it' }]);
      host.annotate(
        Array.from({ length: 12 }, () => ({
          level: 'warning' as const,
          message: 'w',
          file: 'a.yaml',
          line: 1,
        })),
      );
      host.output({ has_changes: 'true' });
      await host.summary('### Kubernetes diff\n');
    } finally {
      process.stdout.write = write;
      process.env = before;
    }
    const lines = log.split('\n');
    t.is(lines[0], `::add-mask::${TOKEN}`);
    t.deepEqual(lines.slice(1, 5), [
      '::group::Compare',
      ' ::set-output name=x::[hidden]',
      '   ::error::y',
      '::endgroup::',
    ]);
    t.is(lines[5], '::error file=a.yaml,line=3::a.yaml:3: broken%0Ahint: mend it');
    t.is(lines.filter((line) => line.startsWith('::warning')).length, 10);
    t.regex(readFileSync(files.GITHUB_OUTPUT!, 'utf8'), /^has_changes<<ghadelimiter/);
    t.is(readFileSync(files.GITHUB_STEP_SUMMARY!, 'utf8'), '### Kubernetes diff\n');
  },
);

test('what the runner says of a job', (t) => {
  const head = 'b'.repeat(40);
  const base = 'a'.repeat(40);
  t.like(gitlabJob({ CI_OPEN_MERGE_REQUESTS: 'group/shop!12,group/other!3' }, '/'), {
    mergeRequest: { iid: 12, project: 'group/shop' },
  });
  const merged = {
    CI_COMMIT_SHA: head,
    CI_MERGE_REQUEST_EVENT_TYPE: 'merged_result',
    CI_MERGE_REQUEST_TARGET_BRANCH_SHA: base,
    CI_MERGE_REQUEST_DIFF_BASE_SHA: 'c'.repeat(40),
  };
  t.deepEqual(gitlabJob(merged, '/').change, { base, head });
  t.is(gitlabJob({ ...merged, CI_MERGE_REQUEST_EVENT_TYPE: 'detached' }, '/').change?.base, 'c'.repeat(40));
  const event = JSON.stringify({ pull_request: { base: { sha: base } } });
  t.deepEqual(githubJob({ GITHUB_SHA: head }, '/', event).change, { base, head });
  t.is(githubJob({ GITHUB_SHA: head }, '/', '{').change, undefined);
});
