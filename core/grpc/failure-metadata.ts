/** In the trailers of a call that failed: the `code` of the SourceFailure, which says more than a status of gRPC. */
export const FAILURE_METADATA = 'gitlab-agent-failure';
