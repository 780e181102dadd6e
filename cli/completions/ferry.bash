# bash completion for ferry(1)

_ferry() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words='call abi layout ir asm aot cache targets bench help --help --version'
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    case $previous in
    --target | -t) words=$(ferry targets --json 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",$/\1/p') ;;
    --convention | -c)
        words='slots pointers'
        if [ "$command" = aot ]; then words+=' both'; fi
        ;;
    --upcalls) words='pointers all none' ;;
    --linker | --folder)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --output | --name | -o | -n) if [ "$command" = aot ]; then return; fi ;;
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
        aot)
            words='--output --bundle --name --target --convention --errno --upcalls --quality --skip --linker'
            words+=' --inspect --json --help'
            ;;
        cache) words='stats list clear --folder --json --help' ;;
        targets) words='--json --help' ;;
        help) words='call abi layout ir asm aot cache targets bench' ;;
        esac
        ;;
    esac
    if [ "$command" = aot ] && [ "$previous" = --errno ]; then words='never also only'; fi
    if { [ "$command" = call ] && [[ $word == */* ]]; } || { [ "$command" = aot ] && [[ $word != -* && $previous != --* ]]; }; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    fi
}

complete -F _ferry ferry
