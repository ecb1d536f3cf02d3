/** Quick actions: lines of a note that begin with a slash are commands, and leave the text. Not in code, not in comments. */
const COMMAND =
  /^\/(approve|assign|close|copy_metadata|done|draft|due|estimate|label|lock|merge|milestone|ready|reopen|request_review|shrug|subscribe|tableflip|target_branch|title|todo|unassign|unlabel|unsubscribe)\b(.*)$/;

export interface Extracted {
  /** What is left to show. */
  text: string;
  /** `/label ~bug`. */
  commands: string[];
}

export function extractQuickActions(body: string): Extracted {
  const commands: string[] = [];
  const kept: string[] = [];
  let fence: string | undefined;
  let comment = false;
  for (const line of body.split('\n')) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined && !comment && COMMAND.test(line)) {
      commands.push(line.trim());
      continue;
    }
    kept.push(line);
    if (fence !== undefined) {
      if (mark && mark[0] === fence[0] && mark.length >= fence.length) fence = undefined;
    } else if (mark) fence = mark;
    if (line.lastIndexOf('<!--') > line.lastIndexOf('-->')) comment = true;
    else if (line.includes('-->')) comment = false;
  }
  return { text: kept.join('\n').trim(), commands };
}
