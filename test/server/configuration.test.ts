import test from 'ava';
import { ProblemError, placeOf } from '../../core/model/problem.ts';
import { parseServerConfig } from '../../server/configuration/server-config.ts';

const BASE = 'gitlab: { address: https://gitlab.example.com }\nagent: { registry_file: r.yaml }\n';

/** What is wrong, a line each. */
function problems(text: string): string[] {
  try {
    parseServerConfig(Buffer.from(text), 's.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problems.map(
      (problem) => `${placeOf(problem)}: ${problem.message}${problem.hint ? ` (${problem.hint})` : ''}`,
    );
  }
}

const CASES: [text: string, ...problems: string[]][] = [
  [BASE],
  ['', 's.yaml:1:1: the configuration is a map, not nothing'],
  ['{}', 's.yaml:1:1: the configuration has no gitlab'],
  ['gitlab: {}\n', 's.yaml:1:9: gitlab has no address'],
  [
    'gitlab: { address: https://gitlab.example.com }\n',
    's.yaml:1:9: nothing says which agents may connect (set agent.registry_file, or gitlab.authentication_secret_file)',
  ],
  [
    'gitlab: { address: https://g.example, authentication_secret_file: s }\nagent: { registry_file: r }\n',
    's.yaml:1:67: authentication_secret_file and agent.registry_file exclude each other (leave one of them)',
  ],
  [
    'gitlab: { address: gitlab.example.com }\nagent: { registry_file: r }\n',
    's.yaml:1:20: address is no URL (write https://gitlab.example.com)',
  ],
  [
    'gitlab: { address: "https://a:b@g.example" }\nagent: { registry_file: r }\n',
    's.yaml:1:20: address holds a user name or password (write https://gitlab.example.com)',
  ],
  [`${BASE}redis_conn: {}\n`, 's.yaml:3:1: unknown key "redis_conn" (did you mean redis?)'],
  [`${BASE}redis: {}\n`, 's.yaml:3:8: redis has no server'],
  [
    `${BASE}redis: { server: { address: redis } }\n`,
    's.yaml:3:29: address is no HOST:PORT (write redis:6379)',
  ],
  [`${BASE}redis: { server: { address: "redis:1" } }\n`, 's.yaml:3:8: redis has no private_api beside it'],
  [
    `${BASE}private_api: { listen: { authentication_secret_file: s } }\n`,
    's.yaml:3:14: private_api has no redis beside it',
  ],
  [
    'gitlab: { address: https://g.example }\nagent:\n  registry_file: r\n  kubernetes_api: { url_path_prefix: /a/../b/ }\n',
    's.yaml:4:38: url_path_prefix is no path that begins and ends with a slash (write /k8s-proxy/)',
  ],
  [
    'gitlab: { address: https://g.example }\nagent:\n  registry_file: r\n  listen: { address: here }\n',
    's.yaml:4:22: address is no address to listen at (HOST:PORT, or :PORT for all addresses)',
  ],
  [
    'gitlab: { address: https://g.example }\nagent:\n  registry_file: r\n  listen: { certificate_file: c }\n',
    's.yaml:4:31: certificate_file has no key_file beside it',
  ],
  [
    'gitlab: { address: https://g.example }\nagent:\n  registry_file: r\n  gitops: { max_number_of_files: 0, max_number_of_paths: many }\n',
    's.yaml:4:34: max_number_of_files is less than 1',
    's.yaml:4:58: max_number_of_paths is a whole number',
  ],
  [
    'gitlab: { address: https://g.example }\nagent:\n  registry_file: r\n  gitops: { poll_period: 20 }\n',
    's.yaml:4:26: poll_period is a duration, not 20 (with a unit: 20s)',
  ],
  [`${BASE}api: {}\n`, 's.yaml:3:6: api has no listen'],
  [`${BASE}api: { listen: { key_file: k } }\n`, 's.yaml:3:16: listen has no authentication_secret_file'],
  [
    `${BASE}api: { listen: { authentication_secret_file: s, key_file: k } }\n`,
    's.yaml:3:59: key_file has no certificate_file beside it',
  ],
  [`${BASE}webhook: { address: ":1" }\n`, 's.yaml:3:10: webhook has no secret_file'],
  [
    'a: 1\n---\nb: 2\n',
    's.yaml:2:1: the file holds more than one YAML document (leave one, and no line "---" after it)',
  ],
];

test('every mistake is told with its place', (t) => {
  for (const [text, ...told] of CASES) t.deepEqual(problems(text), told, text);
});

test('what is not said has the documented default', (t) => {
  const config = parseServerConfig(Buffer.from(BASE), 's.yaml');
  t.like(config, {
    gitlabUrl: 'https://gitlab.example.com',
    externalUrl: 'https://gitlab.example.com',
    access: { registryFile: 'r.yaml' },
    infoTtl: 30_000,
    agents: { address: '127.0.0.1:8150', maxAge: 7_200_000, grace: 5_000, callsPerTokenPerMinute: 10_000 },
    configuration: { pollPeriod: 20_000, maxBytes: 131_072 },
    observability: { address: '127.0.0.1:8151', level: 'info', usagePeriod: 60_000 },
  });
  t.is(config.webhook, undefined);
  t.is(config.api, undefined);
  const api = 'api: { listen: { authentication_secret_file: s } }\n';
  t.deepEqual(parseServerConfig(Buffer.from(BASE + api), 's.yaml').api, {
    address: '127.0.0.1:8153',
    secretFile: 's',
  });
});
