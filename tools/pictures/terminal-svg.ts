import { widthOf } from '../../core/report/width.ts';
import type { Run } from './terminal-text.ts';

// A character of a monospace font is about 0.6 of its size wide; every piece is told where it is and how long, so
// that lines stay below each other in any font.
const FONT_SIZE = 13;
const CELL = 7.8;
const LINE = 18;
const MARGIN = 14;

const STYLE = `
.screen{fill:#fbfbfd;stroke:#d6d6dc}
text{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#28272d}
.red{fill:#c02424}.green{fill:#17713f}.yellow{fill:#8a5a00}.cyan{fill:#0b6a80}
.bold{font-weight:bold}.dim{fill:#6a6972}
@media(prefers-color-scheme:dark){
.screen{fill:#1c1b22;stroke:#3c3b44}
text{fill:#ececef}
.red{fill:#ff8a80}.green{fill:#6fd69b}.yellow{fill:#e9be74}.cyan{fill:#7cd3e6}
.dim{fill:#9a99a3}
}
`;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => ESCAPES[sign]!);

/** Lines of a terminal, at least `columns` wide, as an SVG picture for light and dark pages. */
export function terminalSvg(
  lines: readonly (readonly Run[])[],
  { title, columns = 80 }: { title: string; columns?: number },
): string {
  const widest = Math.max(columns, ...lines.map((line) => widthOf(line.map(({ text }) => text).join(''))));
  const width = Math.ceil(2 * MARGIN + widest * CELL);
  const height = Math.ceil(2 * MARGIN + lines.length * LINE);
  const texts = lines.map((line, index) => lineSvg(line, MARGIN + index * LINE + FONT_SIZE));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
<rect class="screen" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${texts.filter((text) => text !== '').join('\n')}
</svg>
`;
}

function lineSvg(line: readonly Run[], y: number): string {
  let column = 0;
  const spans: string[] = [];
  for (const { text, color, bold, dim } of line) {
    const cells = widthOf(text);
    const look = [color, bold && 'bold', dim && 'dim'].filter(Boolean).join(' ');
    const place = `x="${number(MARGIN + column * CELL)}" textLength="${number(cells * CELL)}"`;
    column += cells;
    if (text.trim() === '') continue;
    spans.push(`<tspan ${place}${look && ` class="${look}"`}>${escaped(text)}</tspan>`);
  }
  return spans.length === 0 ? '' : `<text xml:space="preserve" y="${y}">${spans.join('')}</text>`;
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}
