import { lexer, type Token, type Tokens } from 'marked';
import { type Paint, wrap } from '../../core/report/terminal.ts';

/** A page of Markdown for a terminal: headings stand out, what is below them is indented, links keep their text. */
export function terminalPage(markdown: string, { paint, width }: { paint: Paint; width: number }): string {
  const parts = lexer(markdown).flatMap((token) => block(token, paint, width));
  return `${parts.join('\n\n')}\n`;
}

const INDENT = '  ';

function block(token: Token, paint: Paint, width: number): string[] {
  switch (token.type) {
    case 'heading':
      return [paint('bold', plain(token.tokens))];
    case 'paragraph':
      return [wrap(plain(token.tokens), width, INDENT, '').join('\n')];
    case 'code':
      return [indented((token as Tokens.Code).text, INDENT.repeat(2))];
    case 'list':
      return [list(token as Tokens.List, width)];
    case 'table':
      return [table(token as Tokens.Table, paint, width)];
    default:
      // Blank lines, and comments for whoever edits the page.
      return [];
  }
}

function list({ items, ordered, start }: Tokens.List, width: number): string {
  const lines = items.flatMap(({ tokens }, index) => {
    const mark = ordered ? `${Number(start) + index}. ` : '- ';
    return wrap(`${mark}${plain(tokens)}`, width, INDENT, ' '.repeat(mark.length));
  });
  return lines.join('\n');
}

/** The first cell of a row above the others, which have more to say. */
function table({ rows }: Tokens.Table, paint: Paint, width: number): string {
  const lines = rows.flatMap(([first, ...others]) => [
    `${INDENT}${paint('bold', plain(first!.tokens))}`,
    ...others.flatMap(({ tokens }) => wrap(plain(tokens), width, INDENT.repeat(3), '')),
  ]);
  return lines.join('\n');
}

/** What is written inline, without its marks. */
function plain(tokens: readonly Token[] = []): string {
  const text = (token: Token): string =>
    'tokens' in token && token.tokens ? plain(token.tokens) : ((token as Tokens.Text).text ?? '');
  return tokens.map(text).join('').replaceAll('\n', ' ');
}

function indented(text: string, indent: string): string {
  return text.replace(/^(?=.)/gm, indent);
}
