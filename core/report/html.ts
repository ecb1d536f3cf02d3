import type { Change } from '../model/plan.ts';
import { escapeUnsafe } from './escape.ts';
import { formatPatch, type PatchLine } from './patch.ts';
import { hunkTitle, patchForPeople } from './unified.ts';
import {
  closingNotes,
  closingText,
  isListed,
  notesOf,
  objectText,
  sourceText,
  summaryLine,
  unknownFirst,
} from './words.ts';

// Nothing is loaded or run, whatever a manifest says: the page is served from GitLab's own pages domain.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color-scheme: light dark }
summary { cursor: pointer; padding: .3rem 0 } pre { overflow-x: auto; padding: .6rem; border: 1px solid #8884; tab-size: 2 }
code { font: 13px/1.5 ui-monospace, monospace } .delete, .replace, .minus { color: #c0341d } .create, .plus { color: #1a7f37 }
.unknown { color: #9a6700 } .hunk, .source { opacity: .65 } p { margin: .3rem 0 }`;
const CLASSES: Partial<Record<PatchLine['mark'], string>> = { '-': 'minus', '+': 'plus', '@': 'hunk' };

/** The diff as a page of its own: every object that differs with its whole patch, what is lost first opened. */
export function html(changes: readonly Change[], title: string): string {
  const listed = unknownFirst(changes).filter(isListed);
  const closing = closingNotes(changes).map((note) => `<p>${text(closingText(note))}</p>`);
  const head = [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    `<title>${text(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${text(title)}</h1>`,
    `<p><strong>${text(summaryLine(changes, { dangerousFirst: true }))}</strong></p>`,
  ];
  return `${[...head, ...listed.map(block), ...closing, '</body></html>'].join('\n')}\n`;
}

function block(change: Change): string {
  const isDanger = change.action === 'delete' || change.action === 'replace' || change.action === 'unknown';
  const action = change.verified === false ? `${change.action}, not verified` : change.action;
  const source = sourceText(change);
  const title =
    `<span class="${change.action}">${action}</span> <code>${text(objectText(change))}</code>` +
    (source ? ` <span class="source">${text(source)}</span>` : '');
  const notes = notesOf(change).map((note) => `<p>${text(note.text)}</p>`);
  const lines = patchForPeople(change).map(line);
  const patch = lines.length > 0 ? [`<pre><code>${lines.join('\n')}</code></pre>`] : [];
  return `<details${isDanger ? ' open' : ''}><summary>${title}</summary>\n${[...notes, ...patch].join('\n')}\n</details>`;
}

function line(of: PatchLine): string {
  const words = text(of.mark === '@' ? hunkTitle(of) : formatPatch([of]).slice(0, -1));
  const style = CLASSES[of.mark];
  return style ? `<span class="${style}">${words}</span>` : words;
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function text(value: string): string {
  return escapeUnsafe(value).replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}
