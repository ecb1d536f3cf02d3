/** The part of GitLab's GraphQL schema that is about agents, with its own scalars. */
import { buildSchema, GraphQLError, type GraphQLScalarType, type GraphQLSchema } from 'graphql';

const SDL = `
scalar Time
scalar BigInt
scalar ProjectID
scalar UserID
scalar ClustersAgentID
scalar ClustersAgentTokenID

type Query {
  currentUser: CurrentUser
  metadata: Metadata
  project(fullPath: ID!): Project
}

type Mutation {
  createClusterAgent(input: CreateClusterAgentInput!): CreateClusterAgentPayload
  clusterAgentDelete(input: ClusterAgentDeleteInput!): ClusterAgentDeletePayload
  clusterAgentTokenCreate(input: ClusterAgentTokenCreateInput!): ClusterAgentTokenCreatePayload
  clusterAgentTokenRevoke(input: ClusterAgentTokenRevokeInput!): ClusterAgentTokenRevokePayload
}

type CurrentUser { id: UserID! username: String! name: String! }
type UserCore { id: UserID! username: String! name: String! }
type Metadata { version: String! revision: String! enterprise: Boolean! }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }

type Project {
  id: ID!
  name: String!
  fullPath: ID!
  webUrl: String
  clusterAgent(name: String!): ClusterAgent
  clusterAgents(name: String, first: Int, after: String): ClusterAgentConnection
}

type ClusterAgentConnection { count: Int! nodes: [ClusterAgent] pageInfo: PageInfo! }
type ClusterAgent {
  id: ID!
  name: String
  createdAt: Time
  updatedAt: Time
  webPath: String
  createdByUser: UserCore
  project: Project
  tokens(first: Int, after: String): ClusterAgentTokenConnection
  connections: ConnectedAgentConnection
}

type ClusterAgentTokenConnection { count: Int! nodes: [ClusterAgentToken] pageInfo: PageInfo! }
type ClusterAgentToken {
  id: ClustersAgentTokenID!
  name: String
  description: String
  status: String
  createdAt: Time
  createdByUser: UserCore
  lastUsedAt: Time
  clusterAgent: ClusterAgent
}

type ConnectedAgentConnection { nodes: [ConnectedAgent] }
type ConnectedAgent { connectionId: BigInt connectedAt: Time metadata: AgentMetadata }
type AgentMetadata { version: String commit: String podName: String podNamespace: String }

input CreateClusterAgentInput { clientMutationId: String projectPath: ID! name: String! }
type CreateClusterAgentPayload { clientMutationId: String clusterAgent: ClusterAgent errors: [String!]! }
input ClusterAgentDeleteInput { clientMutationId: String id: ClustersAgentID! }
type ClusterAgentDeletePayload { clientMutationId: String errors: [String!]! }
input ClusterAgentTokenCreateInput {
  clientMutationId: String
  clusterAgentId: ClustersAgentID!
  name: String!
  description: String
}
type ClusterAgentTokenCreatePayload {
  clientMutationId: String
  secret: String
  token: ClusterAgentToken
  errors: [String!]!
}
input ClusterAgentTokenRevokeInput { clientMutationId: String id: ClustersAgentTokenID! }
type ClusterAgentTokenRevokePayload { clientMutationId: String errors: [String!]! }
`;

/** `gid://gitlab/Clusters::Agent/1` */
export function globalId(model: string, id: number): string {
  return `gid://gitlab/${model}/${id}`;
}

/** Arguments of these types are numbers inside, and refuse the ids of other models. */
const MODELS = { ClustersAgentID: 'Clusters::Agent', ClustersAgentTokenID: 'Clusters::AgentToken' };

export const schema: GraphQLSchema = withIds(buildSchema(SDL));

function withIds(built: GraphQLSchema): GraphQLSchema {
  for (const [name, model] of Object.entries(MODELS)) {
    const scalar = built.getType(name) as GraphQLScalarType;
    const parse = (value: unknown): number => {
      const id = new RegExp(`^gid://gitlab/${model}/(\\d+)$`).exec(String(value))?.[1];
      if (id === undefined) throw new GraphQLError(`"${value}" does not represent an instance of ${model}`);
      return Number(id);
    };
    scalar.parseValue = parse;
    scalar.parseLiteral = (node) => parse('value' in node ? node.value : undefined);
  }
  return built;
}
