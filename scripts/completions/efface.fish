# SPDX-License-Identifier: Apache-2.0
# fish completion for efface(8)

set -l commands keys plan approve project verify show list log
complete -c efface -n "not __fish_seen_subcommand_from $commands" -f
complete -c efface -n "not __fish_seen_subcommand_from $commands" -l state-dir -r -a '(__fish_complete_directories)' -d 'keys, log, journals and certificates'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -l version -d 'print the version'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a keys -d 'keys that sign evidence'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a plan -d 'what erase would do'
complete -c efface -n "not __fish_seen_subcommand_from $commands" -a approve -d 'sign a manifest'
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
complete -c efface -n '__fish_seen_subcommand_from project; and not __fish_seen_subcommand_from erase' -f -a erase
complete -c efface -n '__fish_seen_subcommand_from approve' -l key -x -d 'who approves'
complete -c efface -n '__fish_seen_subcommand_from approve erase' -l approval -r -d 'file with the signatures'
complete -c efface -n '__fish_seen_subcommand_from erase' -l plan -x -d 'digest that efface plan printed'
complete -c efface -n '__fish_seen_subcommand_from erase' -l events -r -d 'where events go'
complete -c efface -n '__fish_seen_subcommand_from erase' -l workers -x -d 'volumes worked at once'
complete -c efface -n '__fish_seen_subcommand_from verify' -l root -r -d 'evidence root'
complete -c efface -n '__fish_seen_subcommand_from verify' -l log-key -r -d 'verifier key of the log'
complete -c efface -n '__fish_seen_subcommand_from verify' -l log -r -a '(__fish_complete_directories)' -d 'check the whole log'
complete -c efface -n '__fish_seen_subcommand_from log; and not __fish_seen_subcommand_from check' -f -a check
complete -c efface -n '__fish_seen_subcommand_from plan erase verify show list check' -s J -l json -d 'one JSON document'
