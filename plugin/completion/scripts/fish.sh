# Completion of kubectl-gitlab_agent in fish. "kubectl gitlab-agent" is completed by kubectl's own.
function __kubectl_gitlab_agent
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$last" 2>/dev/null)
    set -l directive (string replace ':' '' -- $lines[-1])
    set -l assigned (string match -r -- '^-[^=]*=' "$last")
    if test (count $lines) -gt 1
        printf "$assigned%s\n" $lines[1..-2]
    else if test "$directive" = 16
        __fish_complete_directories "$last"
    else if test "$directive" = 0
        __fish_complete_path "$last"
    end
end
complete -c kubectl-gitlab_agent -f -a '(__kubectl_gitlab_agent)'
