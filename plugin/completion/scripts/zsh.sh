#compdef kubectl-gitlab_agent
# Completion of kubectl-gitlab_agent in zsh. "kubectl gitlab-agent" is completed by kubectl's own.
_kubectl-gitlab_agent() {
  local -a lines described
  local line value directive=4
  lines=("${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  [[ $words[CURRENT] != -*=* ]] || compset -P '*='
  for line in $lines; do
    if [[ $line == :* ]]; then
      directive=${line#:}
    else
      value=${line%%$'\t'*}
      described+=("${value//:/\\:}${${line#$value}/$'\t'/:}")
    fi
  done
  if (( $#described )); then
    if (( directive & 2 )); then _describe gitlab-agent described -S ''; else _describe gitlab-agent described; fi
  elif (( directive & 16 )); then
    _files -/
  elif (( ! (directive & 4) )); then
    _files
  fi
}
# It is either sourced, or found in fpath and called.
if [[ $funcstack[1] == _kubectl-gitlab_agent ]]; then
  _kubectl-gitlab_agent
else
  compdef _kubectl-gitlab_agent kubectl-gitlab_agent
fi
