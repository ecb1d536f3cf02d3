import type { CommandModule } from 'yargs';
import { ProblemError } from '../../core/model/problem.ts';
import { TOPICS, type Topic } from '../help/topics.ts';
import type { Io } from '../io.ts';

const LIST = Object.entries(TOPICS)
  .map(([topic, about]) => `  ${topic.padEnd(17)}${about}`)
  .join('\n');

const TOPICS_AND_EXAMPLES = `Topics:
${LIST}

Examples:
  kubectl gitlab-agent help config edit
  kubectl gitlab-agent help concepts | less`;

/** `help`: a command's help or a topic's page. `helpOf` prints what `--help` after these words does. */
export function helpCommand(
  io: Io,
  finish: (code: number) => void,
  { commands, helpOf }: { commands: () => Promise<string[]>; helpOf: (words: string[]) => Promise<number> },
): CommandModule<object, { about: string[] }> {
  return {
    command: 'help [about..]',
    describe: 'Help for a command, or a page about a topic',
    builder: (yargs) =>
      yargs
        .positional('about', {
          type: 'string',
          array: true,
          default: [],
          describe: 'A command, or a topic',
        })
        .usage(`$0 help [COMMAND|TOPIC]\n\nHelp for a command, or a page about a topic`)
        .epilogue(TOPICS_AND_EXAMPLES),
    handler: async ({ about: [first, ...more] }) => {
      if (isTopic(first) && more.length === 0) {
        const { printTopic } = await import('../help/run-help.ts');
        printTopic(first, io);
        return finish(0);
      }
      if (first !== undefined && !(await commands()).includes(first))
        throw new ProblemError({
          code: 'Usage',
          message: `there is no command and no topic "${first}"`,
          hint: `kubectl gitlab-agent help lists the commands, the topics are ${Object.keys(TOPICS).join(', ')}`,
        });
      finish(await helpOf(first === undefined ? [] : [first, ...more]));
    },
  };
}

function isTopic(word: string | undefined): word is Topic {
  return word !== undefined && Object.hasOwn(TOPICS, word);
}
