/** Pages of a list, in GitLab's headers. Neighbours that do not exist are empty strings, not missing. */
import { type Answer, json } from '../answer.ts';
import type { Call } from './call.ts';

const MOST = 100;

export interface Page {
  page: number;
  perPage: number;
}

export function pageOf(call: Call): Page {
  const page = Math.max(1, call.parameters.integer('page') ?? 1);
  const asked = call.parameters.integer('per_page') ?? 20;
  return { page, perPage: Math.min(MOST, asked < 1 ? 20 : asked) };
}

/** Above this many rows, nothing counts them. */
const COUNTED = 10_000;

/** One page of all the items, each through `show`. What that leaves undefined is dropped: the page is shorter then. */
export function paginated<T>(call: Call, items: readonly T[], show: (item: T) => unknown): Answer {
  const { page, perPage } = pageOf(call);
  const start = (page - 1) * perPage;
  const shown = items
    .slice(start, start + perPage)
    .map(show)
    .filter((item) => item !== undefined);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const counted = items.length <= COUNTED;
  const next = page < last ? page + 1 : undefined;
  const headers = pageHeaders(call, { page, perPage }, next, counted ? last : undefined);
  const totals = counted ? { 'x-total': String(items.length), 'x-total-pages': String(last) } : {};
  return json(200, shown, { ...headers, ...totals });
}

/** The headers of a page whose list nobody counts: `next` where there may be one, `last` where it is known. */
export function pageHeaders(
  call: Call,
  { page, perPage }: Page,
  next: number | undefined,
  last?: number,
): Record<string, string> {
  const link = (to: number, rel: string): string =>
    `<${linkTo(call, { page: String(to), per_page: String(perPage) })}>; rel="${rel}"`;
  const links = [
    ...(page > 1 ? [link(page - 1, 'prev')] : []),
    ...(next === undefined ? [] : [link(next, 'next')]),
    link(1, 'first'),
    ...(last === undefined ? [] : [link(last, 'last')]),
  ];
  return {
    link: links.join(', '),
    'x-page': String(page),
    'x-per-page': String(perPage),
    'x-next-page': next === undefined ? '' : String(next),
    'x-prev-page': page > 1 ? String(page - 1) : '',
  };
}

/** The address of this call with other parameters. */
export function linkTo(call: Call, changed: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(call.query);
  for (const secret of ['private_token', 'access_token', 'job_token']) query.delete(secret);
  const id = call.parameters.text('id');
  if (id !== undefined) query.set('id', id);
  for (const [name, value] of Object.entries(changed)) query.set(name, value);
  query.sort();
  return `${call.world.url}${call.path}?${query}`;
}
