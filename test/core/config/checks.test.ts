import { spawnSync } from 'node:child_process';
import test from 'ava';
import { checkProject, checkRefName } from '../../../core/config/checks.ts';
import { Random } from '../../support/random.ts';

const SEED = Number(process.env.TEST_SEED ?? 20261123);

test(`names of branches are those that git allows, seed ${SEED}`, (t) => {
  const random = new Random(SEED);
  const pieces = [
    'a',
    'B',
    '1',
    '.',
    '..',
    '/',
    '//',
    '-',
    '@',
    '@{',
    '.lock',
    '~',
    '^',
    ':',
    '?',
    '*',
    '[',
    '\\',
    ' ',
    '\t',
    'ä',
    '#',
    '{',
    "'",
    '"',
    '$',
    '\u007f',
    'HEAD',
  ];
  let allowed = 0;
  for (let round = 0; round < 250; round += 1) {
    const name = Array.from({ length: 1 + random.int(4) }, () => random.pick(pieces)).join('');
    // Git reads these as something else than a name: the branch before, HEAD.
    if (name === '@' || name.startsWith('@{')) continue;
    const git = spawnSync('git', ['check-ref-format', '--branch', name], { cwd: '/' }).status === 0;
    if (git) allowed += 1;
    t.is(checkRefName(name) === undefined, git, JSON.stringify(name));
  }
  t.true(allowed > 30 && allowed < 220, `${allowed} were allowed`);
});

const PROJECTS: [text: string, fault: RegExp | undefined][] = [
  ['shop/web', undefined],
  ['a/b/c/d.e-f_g', undefined],
  ['42', undefined],
  ['0', /no number/],
  ['99999999999999999999', /no number/],
  ['web', /no path/],
  ['/shop/web', /no path/],
  ['shop/web/', /no path/],
  ['shop//web', /no path/],
  ['shop/web.git', /no path/],
  ['shop/../web', /no path/],
  ['-shop/web', /no path/],
  ['shop/w eb', /no path/],
  ['https://gitlab.example.com/shop/web', /is a URL/],
  ['git@gitlab.example.com:shop/web', /is a URL/],
];
for (const [text, fault] of PROJECTS) {
  test(`a project: ${text}`, (t) => {
    const found = checkProject(text)?.message;
    if (fault) t.regex(found ?? '', fault);
    else t.is(found, undefined);
  });
}
