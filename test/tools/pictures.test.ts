import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { painter } from '../../core/report/terminal.ts';
import { terminalSvg } from '../../tools/pictures/terminal-svg.ts';
import { readTerminalText } from '../../tools/pictures/terminal-text.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const draw = (text: string): string => terminalSvg(readTerminalText(text), { title: 'a <title>' });

test('colours and weights begin and end where the terminal begins and ends them', (t) => {
  const paint = painter(true);
  const text = `a${paint('red', 'b')}c\n${paint('bold', `d${paint('green', 'e')}f`)}${paint('dim', 'g')}\n\nh\x1b[1;36mi\x1b[0mj\n`;
  t.deepEqual(readTerminalText(text), [
    [{ text: 'a' }, { text: 'b', color: 'red' }, { text: 'c' }],
    [
      { text: 'd', bold: true },
      { text: 'e', bold: true, color: 'green' },
      { text: 'f', bold: true },
      { text: 'g', dim: true },
    ],
    [],
    [{ text: 'h' }, { text: 'i', bold: true, color: 'cyan' }, { text: 'j' }],
  ]);
  t.throws(() => readTerminalText('\x1b[45mx'), { message: /SGR code 45/ });
});

test('what moves the cursor, rings or names a window is not in a picture', (t) => {
  const lines = readTerminalText('\r\x1b[2K\x1b[3Aa\x07b\x1b]0;title\x07c\x1b[?25l\r\nd\u009b');
  t.deepEqual(
    lines.map((line) => line.map(({ text }) => text).join('')),
    ['abc', 'd'],
  );
});

test('wide characters take two columns, and what follows them stands where it does on a terminal', (t) => {
  const svg = draw('\x1b[31m日本\x1b[39mx');
  t.regex(
    svg,
    /<tspan x="14" textLength="31\.2" class="red">日本<\/tspan><tspan x="45\.2" textLength="7\.8">x</,
  );
});

test('signs of XML are text', (t) => {
  const svg = draw('<b>&"</b>');
  t.true(svg.includes('&lt;b&gt;&amp;&quot;&lt;/b&gt;'));
  t.true(svg.includes('<title>a &lt;title&gt;</title>'));
  t.deepEqual(problemsOf(svg), []);
  t.deepEqual(problemsOf(svg.replace('</text>', '')), ['</svg> ends text']);
});

const PAGES = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })];
const SHOWN = PAGES.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/!\[([^\]]*)\]\(([^)]+\.svg)\)/g)].map(
    ([, text, file]) => ({ page, text: text!, file: join(ROOT, dirname(page), file!) }),
  ),
);

test('every picture that a page shows is there, whole, small, and has words for those who do not see it', (t) => {
  t.true(SHOWN.length >= 5);
  for (const { page, text, file } of SHOWN) {
    t.true(existsSync(file), `${page}: ${file}`);
    t.not(text, '', `${page}: ${file}`);
    const svg = readFileSync(file, 'utf8');
    t.deepEqual(problemsOf(svg), [], file);
    t.true(statSync(file).size < 30_000, file);
    t.notRegex(svg, /glpat-|glagent-|gldt-|ZXhhbXBsZS0|example-[12]|\/tmp\/|\/root\//, file);
  }
});

test('every picture is shown somewhere', (t) => {
  const shown = new Set(SHOWN.map(({ file }) => file));
  for (const file of globSync('docs/pictures/*.svg', { cwd: ROOT }))
    t.true(shown.has(join(ROOT, file)), file);
});

/** What keeps a text from being an SVG: control characters, signs that are not escaped, elements that do not end. */
function problemsOf(svg: string): string[] {
  const problems: string[] = [];
  if (/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(svg)) problems.push('a control character');
  if (!svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" ')) problems.push('no svg');
  const open: string[] = [];
  const elements = /<(\/?)([a-z]+)((?: [a-zA-Z:]+="[^"<>]*")*)(\/?)>/g;
  for (const [, ends, name, , alone] of svg.matchAll(elements)) {
    if (ends && open.at(-1) !== name) problems.push(`</${name}> ends ${open.at(-1)}`);
    if (ends) open.pop();
    else if (!alone) open.push(name!);
  }
  const between = svg.replace(elements, '').replaceAll(/&(?:amp|lt|gt|quot);/g, '');
  if (/[<>&]/.test(between)) problems.push('a sign that is not escaped');
  if (open.length > 0 && problems.length === 0) problems.push(`<${open.at(-1)}> does not end`);
  return problems;
}
