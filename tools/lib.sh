# shellcheck shell=bash
# What quickstart and test share: the packages, their installation, a quiet build. Sourced by bash
# scripts that have set -eu and stand at the top of the source.

# Every Debian package that is needed, once.
# shellcheck disable=SC2034 # used by those who source this
{
	packages_build=(build-essential cmake pkg-config libgsl-dev libyaml-dev libyajl-dev libsimgrid-dev libsqlite3-dev)
	packages_pictures=(gnuplot-nox fonts-dejavu-core)
	packages_test=(libcunit1-dev clang-format clang-tidy shellcheck libopenmpi-dev openmpi-bin chromium)
}

say() { # TEXT...
	printf '%s\n' "$*"
}

die() { # TEXT...
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 2
}

# Runs a command and shows what it printed only when it fails, from the first lines that are no
# progress; its status is ours.
quietly() { # LOG COMMAND...
	local log=$1 status=0
	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ $status != 0 ]; then
		grep -v "^\[ *[0-9]*%\]" "$log" | head -n 200 | cut -c 1-300
		say "failed with status $status, all is in $log: $*"
	fi >&2
	return $status
}

packages_missing() { # PACKAGE...
	local package
	for package; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		*' ok installed') ;;
		*) printf '%s\n' "$package" ;;
		esac
	done
}

# Installs what is missing, with sudo when that is needed. Away from Debian it leaves the search for
# what is missing to CMake.
packages_install() { # PACKAGE...
	local missing as_root=()
	command -v dpkg-query apt-get >/dev/null || return 0
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0

	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null ||
			die "packages are missing, and this is neither root nor is there sudo." \
				"As root: apt-get update && apt-get install ${missing[*]}"
		as_root=(sudo)
		[ "${CI-}" != true ] || as_root=(sudo -n)
		"${as_root[@]}" true || die "sudo was refused. Missing packages: ${missing[*]}"
	fi
	say "installing ${missing[*]}"
	as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
	quietly build/packages.log "${as_root[@]}" update
	quietly build/packages.log "${as_root[@]}" install --no-install-recommends "${missing[@]}"
}

# Configures and builds in a folder with all cores.
build() { # FOLDER CMAKE_OPTION...
	local folder=$1
	shift
	say "building in $folder"
	quietly "$folder/configure.log" cmake -S . -B "$folder" "$@"
	quietly "$folder/build.log" cmake --build "$folder" --parallel "$(nproc)"
}
