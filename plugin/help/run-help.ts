import { painter } from '../../core/report/terminal.ts';
import concepts from '../../docs/concepts.md';
import configuration from '../../docs/configuration.md';
import troubleshooting from '../../docs/troubleshooting.md';
import { type Io, wantsColor } from '../io.ts';
import { terminalPage } from './terminal-page.ts';
import type { Topic } from './topics.ts';

const PAGES: Record<Topic, string> = { concepts, configuration, troubleshooting };

/** Longer lines are hard to read, however wide the terminal is. */
const MAX_WIDTH = 100;

/** Prints the page of a topic. */
export function printTopic(topic: Topic, io: Io): void {
  const width = Math.min(io.columns, MAX_WIDTH);
  io.out(terminalPage(PAGES[topic], { paint: painter(wantsColor(io, 'auto')), width }));
}
