# SPDX-License-Identifier: GPL-2.0
# bash completion for iommufd(8)

_iommufd_devices() {
	local device
	for device in /sys/bus/pci/devices/*; do
		echo "${device##*/}"
	done
}

_iommufd_processes() {
	local fd pid
	for fd in /proc/[0-9]*/fd/*; do
		[ "$(readlink "$fd" 2>/dev/null)" = /dev/iommu ] || continue
		pid=${fd#/proc/}
		echo "${pid%%/*}"
	done
}

# _iommufd_words OBJECT COMMAND PREVIOUS: what can come next
_iommufd_words() {
	case $3 in
	--svg | --root) compgen -f -- "$cur"; return ;;
	--user) compgen -u -- "$cur"; return ;;
	--pid) _iommufd_processes; return ;;
	--event)
		echo map unmap copy pin unpin attach detach replace bind unbind charge_fail
		return
		;;
	--memory | --delay | --count) return ;;
	esac
	case $1:$2 in
	:*) echo status doctor device context map picture top trace help version --json --pretty --root ;;
	device:) echo list bind unbind ;;
	device:list) echo --all ;;
	device:*) _iommufd_devices; echo --boot --force --dry-run ;;
	doctor:*) _iommufd_devices; echo --user --memory ;;
	context:) echo list show ;;
	context:show | map:*) _iommufd_processes ;;
	picture:*) _iommufd_processes; echo --svg ;;
	top:*) echo --delay --count ;;
	trace:*) echo --pid --event --failed --count ;;
	esac
}

_iommufd() {
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local i word object='' command=''

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--root) ((i++)) ;;
		-*) ;;
		*)
			if [ -z "$object" ]; then
				object=$word
			elif [ -z "$command" ]; then
				command=$word
			fi
			;;
		esac
	done
	mapfile -t COMPREPLY < <(compgen -W "$(_iommufd_words "$object" "$command" "$previous")" -- "$cur")
	# A PCI address has colons, at which bash divides words.
	! declare -F __ltrim_colon_completions >/dev/null || __ltrim_colon_completions "$cur"
}

complete -F _iommufd iommufd
