# Completion of kubectl-gitlab_agent in bash. "kubectl gitlab-agent" is completed by kubectl's own.
_kubectl_gitlab_agent() {
  local rest=${COMP_LINE:0:COMP_POINT} word line last value colon prefix directive=4 i
  local -a words=() lines=()
  COMPREPLY=()
  # bash cuts words at = and :, too; what no space divides is one word.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $i == 0 || $rest == [[:space:]]* ]]; then
      rest=${rest#"${rest%%[![:space:]]*}"}
      words+=("")
    fi
    ((i < COMP_CWORD)) || word=$rest
    rest=${rest#"$word"}
    words[${#words[@]} - 1]+=$word
  done
  while IFS= read -r line; do lines+=("$line"); done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
  last=${words[${#words[@]} - 1]}
  value=$last
  [[ $last != -*=* ]] || value=${last#*=}
  [[ $COMP_WORDBREAKS == *=* || $last != -*=* ]] || prefix=${last%%=*}=
  [[ $COMP_WORDBREAKS != *:* ]] || colon=${value%"${value##*:}"}
  for line in ${lines[@]+"${lines[@]}"}; do
    if [[ $line == :* ]]; then
      directive=${line#:}
    else
      line=${line%%$'\t'*}
      COMPREPLY+=("$prefix${line#"$colon"}")
    fi
  done
  # bash 3.2 has no compopt.
  type compopt >/dev/null 2>&1 || return 0
  if ((directive & 2)); then compopt -o nospace; fi
  if ((directive & 16)); then
    compopt -o dirnames
  elif ! ((directive & 4)); then
    compopt -o default
  fi
}
complete -F _kubectl_gitlab_agent kubectl-gitlab_agent
