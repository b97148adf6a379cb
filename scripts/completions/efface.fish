# SPDX-License-Identifier: Apache-2.0
# fish completion for efface(8)

function __efface_targets # block devices that have a size, and what lives in memory
    for folder in /sys/class/block/*
        test (cat $folder/size 2>/dev/null; or echo 0) != 0; and echo /dev/(basename $folder)
    end
    for kind in tmpfs ramfs hugetlbfs
        awk -v kind=$kind '$3 == kind { print "memory:" kind ":" $2 }' /proc/self/mounts
    end
    awk 'NR > 1 { print "memory:swap:" $1 }' /proc/swaps
    awk 'NR > 1 { print "memory:sysv:" $2 }' /proc/sysvipc/shm 2>/dev/null
    for folder in /sys/kernel/mm/hugepages/hugepages-*
        echo memory:hugepages:(string replace -r '.*hugepages-' '' $folder)
    end
    for queue in /dev/mqueue/*
        echo memory:mqueue:(basename $queue)
    end
    echo memory:free
    for pair in zram:/sys/block/zram brd:/sys/block/ram pmem:/sys/block/pmem devdax:/sys/bus/dax/devices/dax \
            dimm:/sys/bus/nd/devices/nmem cxl:/sys/bus/cxl/devices/mem
        set -l part (string split -m 1 : $pair)
        for folder in $part[2]*
            echo memory:$part[1]:(basename $folder)
        end
    end
end

function __efface_jobs # those that can be resumed; --state-dir as it was given
    set -l state
    set -l words (commandline -opc)
    if set -l at (contains -i -- --state-dir $words)
        set state --state-dir $words[(math $at + 1)]
    end
    efface $state status 2>/dev/null | awk '$3 == "interrupted" { print $1 }'
end

# "efface project erase" is not "efface erase", and "--plan" is no command.
function __efface_command
    set -l words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if test $word = --state-dir
            set skip 1
        else if not string match -q -- '-*' $word
            test $word = $argv[1]; and return 0; or return 1
        end
    end
    return 1
end

set -l commands keys plan accept approve erase status jobs resume project verify show list log
complete -c efface -n "not __fish_seen_subcommand_from $commands" -f
complete -c efface -n "not __fish_seen_subcommand_from $commands" -l state-dir -r -a '(__fish_complete_directories)' -d 'keys, log, journals and certificates'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -l version -d 'print the version'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a keys -d 'keys that sign evidence'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a plan -d 'what erase would do'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a accept -d 'accept or reject a certificate'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a approve -d 'sign a manifest or an order'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a erase -d 'overwrite devices, files, memory'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a status -d 'what runs, and what waits to be resumed'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a jobs -d 'every job that ran here'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a resume -d 'go on with an interrupted job'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a project -d 'erase a project'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a verify -d 'check a bundle'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a show -d 'print a certificate'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a list -d 'storage of this machine'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a log -d 'the log of runs'

complete -c efface -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from init issue' -f -a 'init issue'
complete -c efface -n '__fish_seen_subcommand_from init' -l organization -x -d 'who issues certificates'
complete -c efface -n '__fish_seen_subcommand_from init' -l site -x
complete -c efface -n '__fish_seen_subcommand_from init' -l station -x
complete -c efface -n '__fish_seen_subcommand_from issue' -l role -x -a 'approver operator witness'
complete -c efface -n '__fish_seen_subcommand_from jobs; and not __fish_seen_subcommand_from forget' -f -a forget
complete -c efface -n '__fish_seen_subcommand_from project; and not __fish_seen_subcommand_from erase' -f -a erase
complete -c efface -n '__fish_seen_subcommand_from accept' -l key -x -d 'who decides'
complete -c efface -n '__fish_seen_subcommand_from accept' -l reason -x -d 'why'
complete -c efface -n '__fish_seen_subcommand_from accept' -l reject -d 'reject it'
complete -c efface -n '__fish_seen_subcommand_from approve' -l key -x -d 'who approves'
complete -c efface -n '__fish_seen_subcommand_from approve erase' -l approval -r -d 'file with the signatures'
complete -c efface -n '__fish_seen_subcommand_from erase' -l plan -x -d 'digest that efface plan printed'
complete -c efface -n '__fish_seen_subcommand_from erase' -l events -r -d 'where events go'
complete -c efface -n '__efface_command project; and __fish_seen_subcommand_from erase' -l workers -x -d 'volumes worked at once'
complete -c efface -n '__efface_command plan; or __efface_command erase' -a '(__efface_targets)'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l order -r -d 'targets, technique and terms'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l technique -x -a 'overwrite-random overwrite-zero overwrite-pattern dod-5220.22-m dod-5220.22-m-ece hmg-is5-enhanced bsi-vsitr'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l pattern -x -d 'bytes in hex, for overwrite-pattern'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l verify -x -a 'full representative none'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l bad-blocks -x -a 'except fail'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l min-rate -x -d 'slowest allowed, as 10MB a second'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l when-slow -x -a 'stop go-on'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l deadline -x -d 'longest allowed, as 12h'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l when-late -x -a 'stop go-on'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l max-temperature -x -d 'degrees Celsius'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l when-hot -x -a 'pause stop go-on'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l max-reallocated -x -d 'reallocated sectors'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l max-pending -x -d 'pending sectors'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l max-media-errors -x -d 'uncorrected errors'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l max-hours -x -d 'hours powered on'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l max-wear -x -d 'percent of its life'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l min-spare -x -d 'percent of its spare'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l refuse-failing -d 'refuse a failing drive'
complete -c efface -n '__efface_command plan; or __efface_command erase' -l sweep -d 'sweep free memory after targets in memory'
complete -c efface -n '__efface_command resume' -f -a '(__efface_jobs)'
complete -c efface -n '__efface_command resume' -l events -r -d 'where events go'
complete -c efface -n '__fish_seen_subcommand_from verify' -l root -r -d 'evidence root'
complete -c efface -n '__fish_seen_subcommand_from verify' -l log-key -r -d 'verifier key of the log'
complete -c efface -n '__fish_seen_subcommand_from verify' -l log -r -a '(__fish_complete_directories)' -d 'check the whole log'
complete -c efface -n '__fish_seen_subcommand_from verify' -l replay -d 'compute the verdict again'
complete -c efface -n '__fish_seen_subcommand_from check' -l log-key -r -d 'verifier key of the log'
complete -c efface -n '__fish_seen_subcommand_from check' -l log -r -a '(__fish_complete_directories)' -d 'a log from elsewhere'
complete -c efface -n '__fish_seen_subcommand_from log; and not __fish_seen_subcommand_from check' -f -a check
complete -c efface -n '__fish_seen_subcommand_from plan accept erase status jobs resume verify show list check' -s J -l json -d 'one JSON document'
