# bash completion for ferry(1)

_ferry() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words='call abi layout ir asm targets bench help --help --version'
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    case $previous in
    --target | -t) words=$(ferry targets --json 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",$/\1/p') ;;
    --convention | -c) words='slots pointers' ;;
    --quality | -q) words='quick better' ;;
    --file | -f)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    *)
        case $command in
        call) words='--string --show-errno --show-memory --convention --bound --never --path --help' ;;
        abi | layout) words='--target --json --file --plain --help' ;;
        ir | asm) words='--target --convention --quality --errno --upcall --late --help' ;;
        targets) words='--json --help' ;;
        help) words='call abi layout ir asm targets bench' ;;
        esac
        ;;
    esac
    if [ "$command" = call ] && [[ $word == */* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    fi
}

complete -F _ferry ferry
