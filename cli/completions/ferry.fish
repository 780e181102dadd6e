# fish completion for ferry(1)

function __ferry_targets
    ferry targets --json 2>/dev/null | string replace -rf '^ *"name": "(.*)",$' '$1'
end

complete -c ferry -f
complete -c ferry -n __fish_use_subcommand -a call -d 'call a function of a shared library'
complete -c ferry -n __fish_use_subcommand -a abi -d 'show where arguments and results travel'
complete -c ferry -n __fish_use_subcommand -a layout -d 'show a type in memory'
complete -c ferry -n __fish_use_subcommand -a ir -d 'show a trampoline as LLVM IR'
complete -c ferry -n __fish_use_subcommand -a asm -d 'show a trampoline as machine code'
complete -c ferry -n __fish_use_subcommand -a aot -d 'make code ahead of time'
complete -c ferry -n __fish_use_subcommand -a cache -d 'look at the cache of machine code'
complete -c ferry -n __fish_use_subcommand -a targets -d 'list the ABIs that ferry knows'
complete -c ferry -n __fish_use_subcommand -a bench -d 'measure calls'
complete -c ferry -n __fish_use_subcommand -a help -d 'tell more about a command'
complete -c ferry -n __fish_use_subcommand -l version -d 'versions of ferry, LLVM and libffi'
complete -c ferry -l help -s h -d 'how to use it'

complete -c ferry -n '__fish_seen_subcommand_from call' -F
complete -c ferry -n '__fish_seen_subcommand_from call' -l string -s s -d 'show pointers to char as strings'
complete -c ferry -n '__fish_seen_subcommand_from call' -l show-errno -s e -d 'show errno after the call'
complete -c ferry -n '__fish_seen_subcommand_from call' -l show-memory -s m -d 'show the memory of pointer arguments'
complete -c ferry -n '__fish_seen_subcommand_from call' -l bound -s b -d 'compile code for this very function'
complete -c ferry -n '__fish_seen_subcommand_from call' -l never -s n -d 'call through libffi'
complete -c ferry -n '__fish_seen_subcommand_from call' -l path -s p -d 'tell which way the call went'

complete -c ferry -n '__fish_seen_subcommand_from abi layout' -l json -s j -d 'for programs'
complete -c ferry -n '__fish_seen_subcommand_from abi layout' -l file -s f -r -F -d 'a file of declarations'
complete -c ferry -n '__fish_seen_subcommand_from abi layout' -l plain -s p -d 'no colour and no line drawing'
complete -c ferry -n '__fish_seen_subcommand_from targets' -l json -s j -d 'for programs'

complete -c ferry -n '__fish_seen_subcommand_from abi layout ir asm aot' -l target -s t -x -a '(__ferry_targets)' -d 'the ABI'
complete -c ferry -n '__fish_seen_subcommand_from call ir asm' -l convention -s c -x -a 'slots pointers' -d 'how values are handed over'
complete -c ferry -n '__fish_seen_subcommand_from ir asm' -l quality -s q -x -a 'quick better' -d 'how much LLVM tries'
complete -c ferry -n '__fish_seen_subcommand_from ir asm' -l errno -s e -d 'with errno'
complete -c ferry -n '__fish_seen_subcommand_from ir asm' -l upcall -s u -d 'the stub of a closure'
complete -c ferry -n '__fish_seen_subcommand_from ir asm' -l late -s l -d 'what answers after its end'

complete -c ferry -n '__fish_seen_subcommand_from aot' -F
complete -c ferry -n '__fish_seen_subcommand_from aot' -l output -s o -x -d 'what to write, without its ending'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l bundle -s b -d 'write a bundle'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l name -s n -x -d 'the variable that the header declares'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l convention -s c -x -a 'slots pointers both' -d 'how values are handed over'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l errno -s e -x -a 'never also only' -d 'code that captures errno'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l upcalls -s u -x -a 'pointers all none' -d 'code for closures'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l quality -s q -x -a 'better quick' -d 'how much LLVM tries'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l skip -s s -d 'leave out what cannot be passed'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l linker -s l -r -F -d 'makes the bundle'
complete -c ferry -n '__fish_seen_subcommand_from aot' -l inspect -s i -d 'list what is in files'
complete -c ferry -n '__fish_seen_subcommand_from aot cache' -l json -s j -d 'for programs'
complete -c ferry -n '__fish_seen_subcommand_from cache' -a 'stats list clear'
complete -c ferry -n '__fish_seen_subcommand_from cache' -l folder -s f -r -F -d 'another one than programs use'
