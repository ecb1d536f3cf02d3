// The executable `kubectl_complete-gitlab_agent`: kubectl starts it with the words behind `kubectl gitlab-agent`.
process.argv.splice(2, 0, '__complete');
require('./entry.ts');
