/** `POST /api/graphql`: nearly everything is 200, and what went wrong is in the body. */
import type { IncomingMessage } from 'node:http';
import {
  type DocumentNode,
  execute,
  type FieldNode,
  GraphQLError,
  Kind,
  parse,
  type SelectionSetNode,
  validate,
} from 'graphql';
import { type Answer, json } from '../answer.ts';
import { ApiError } from '../rest/api-error.ts';
import { apiCaller, type Caller } from '../rest/credentials.ts';
import type { World } from '../world.ts';
import { type Context, root } from './resolvers.ts';
import { schema } from './schema.ts';

const LONGEST = 10_000;

interface Query {
  query?: unknown;
  variables?: unknown;
  operationName?: unknown;
}

const failed = (status: number, message: string): Answer => json(status, { errors: [{ message }] });

export async function answerGraphql(world: World, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url!, world.url);
  let caller: Caller;
  try {
    caller = apiCaller(world, request, url.searchParams, { scopes: ['api', 'read_api'], jobs: false });
  } catch (error) {
    if (error instanceof ApiError) return refused(world, request) ?? failed(401, 'Invalid token');
    throw error;
  }
  const mayWrite = caller.token?.scopes.includes('api') ?? false;
  const context: Context = { world, user: caller.user, mayWrite };
  const body = await readBody(request, url);
  if (body === undefined) return failed(422, 'Unexpected token in the body');
  const queries = Array.isArray(body) ? body : [body];
  const answers: object[] = [];
  for (const query of queries) {
    const answer = await run(query, request.method === 'GET', context);
    if ('status' in answer) return answer as Answer;
    answers.push(answer);
  }
  return json(200, Array.isArray(body) ? answers : answers[0]);
}

/** A blocked account is known, and may not. */
function refused(world: World, request: IncomingMessage): Answer | undefined {
  const bearer = request.headers.authorization?.replace(/^Bearer\s+/i, '');
  const value = bearer ?? request.headers['private-token'];
  const token = world.tokens.find((one) => one.value === value && !one.revoked);
  return token?.user.blocked ? failed(403, 'API not accessible for user') : undefined;
}

async function readBody(request: IncomingMessage, url: URL): Promise<Query | Query[] | undefined> {
  if (request.method === 'GET') return Object.fromEntries(url.searchParams);
  const bytes = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

async function run(asked: Query, get: boolean, context: Context): Promise<object> {
  const query = typeof asked.query === 'string' ? asked.query : '';
  if (query.length > LONGEST) return failed(422, 'Query too large');
  let variables: Record<string, unknown>;
  try {
    variables = typeof asked.variables === 'string' ? JSON.parse(asked.variables || '{}') : asked.variables;
  } catch (error) {
    return failed(422, (error as Error).message);
  }
  let document: DocumentNode;
  try {
    document = parse(query);
  } catch (error) {
    return { errors: [shown(error as GraphQLError)] };
  }
  if (get && isMutation(document)) return failed(422, 'Mutations are forbidden in GET requests');
  const problems = validate(schema, document);
  if (problems.length > 0) return { errors: problems.map((problem) => shown(problem, document)) };
  const { data, errors } = await execute({
    schema,
    document,
    rootValue: root,
    contextValue: context,
    variableValues: variables ?? {},
    operationName: typeof asked.operationName === 'string' ? asked.operationName : undefined,
  });
  // What a resolver throws that is no GraphQLError is a fault of the stand-in.
  const fault = errors?.find(
    ({ originalError }) => originalError && !(originalError instanceof GraphQLError),
  );
  if (fault) throw fault.originalError;
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors ? { errors: errors.map((error) => shown(error)) } : {}),
  };
}

function isMutation({ definitions }: DocumentNode): boolean {
  return definitions.some(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION && definition.operation === 'mutation',
  );
}

/** GitLab's words for a field that does not exist; the library's for the rest. */
function shown(error: GraphQLError, document?: DocumentNode): object {
  const { message, locations, path } = error;
  const [, fieldName, typeName] = /^Cannot query field "(\w+)" on type "(\w+)"/.exec(message) ?? [];
  if (!document || fieldName === undefined)
    return { message, ...(locations ? { locations } : {}), ...(path ? { path } : {}) };
  return {
    message: `Field '${fieldName}' doesn't exist on type '${typeName}'`,
    locations,
    path: pathTo(document, error.nodes![0] as FieldNode),
    extensions: { code: 'undefinedField', typeName, fieldName },
  };
}

/** `query`, or `query NAME`, then the fields down to that one. */
function pathTo(document: DocumentNode, wanted: FieldNode): string[] {
  const within = (set: SelectionSetNode | undefined): string[] | undefined => {
    for (const node of set?.selections ?? []) {
      if (node.kind !== Kind.FIELD) continue;
      const name = node.alias?.value ?? node.name.value;
      if (node === wanted) return [name];
      const deeper = within(node.selectionSet);
      if (deeper) return [name, ...deeper];
    }
    return undefined;
  };
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const fields = within(definition.selectionSet);
    if (fields) return [[definition.operation, definition.name?.value].filter(Boolean).join(' '), ...fields];
  }
  return [];
}
