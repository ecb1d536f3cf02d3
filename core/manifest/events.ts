import { EVENT_ID, type Event, SCALAR_STYLE } from 'js-yaml';

/** The index after the node that begins at `index`. */
export function endOf(events: Event[], index: number): number {
  let open = 0;
  let at = index;
  do {
    const { type } = events[at]!;
    if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) open += 1;
    else if (type === EVENT_ID.POP) open -= 1;
    at += 1;
  } while (open > 0);
  return at;
}

/** Where a node begins in the source, quotes included; negative for an empty node, which is nowhere. */
export function placeOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.SCALAR: {
      const quote =
        event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED ? 1 : 0;
      return event.valueStart >= 0
        ? event.valueStart - quote
        : Math.max(event.tagStart, event.anchorStart - 1);
    }
    case EVENT_ID.ALIAS:
      return event.anchorStart - 1;
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start;
    default:
      return -1;
  }
}
