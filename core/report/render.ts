import type { Change } from '../model/plan.ts';
import { diffReport, reportAsJson, reportAsYaml } from './diff-report.ts';
import { markdown } from './markdown.ts';
import { names } from './name.ts';
import { summary } from './summary.ts';
import { type TerminalOptions, unified } from './unified.ts';

export const FORMATS = ['unified', 'summary', 'json', 'yaml', 'markdown', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** `color` and `width` count for `unified` and `summary` only. */
export type RenderOptions = TerminalOptions;

/**
 * A diff as text, each line ended. `markdown` comes in one piece whatever its size; who writes it into notes
 * calls `markdown()`, which splits.
 */
export function render(format: Format, changes: readonly Change[], options: RenderOptions = {}): string {
  switch (format) {
    case 'unified':
      return unified(changes, options);
    case 'summary':
      return summary(changes, options);
    case 'json':
      return reportAsJson(diffReport(changes));
    case 'yaml':
      return reportAsYaml(diffReport(changes));
    case 'markdown':
      return markdown(changes, { budget: Number.POSITIVE_INFINITY }).join('\n');
    case 'name':
      return names(changes);
  }
}
