# shellcheck shell=bash
# Sourced by the scripts: where Hexcore keeps what is made once and used by every clone. A relative
# folder would be another one for each program that looks for it, so it is refused;
# $XDG_CACHE_HOME counts only where it is absolute, as its specification asks.
hexcore_cache() {
    case ${HEXCORE_CACHE:-} in
        /*)
            printf '%s\n' "$HEXCORE_CACHE"
            return
            ;;
        ?*)
            printf '%s %s\n' "hexcore: HEXCORE_CACHE is '$HEXCORE_CACHE', which depends on the" \
                "current folder; give an absolute path, such as '$PWD/$HEXCORE_CACHE'" >&2
            return 2
            ;;
    esac
    if [[ ${XDG_CACHE_HOME:-} == /* ]]; then
        printf '%s\n' "$XDG_CACHE_HOME/hexcore"
    else
        printf '%s\n' "${HOME:?HOME is not set; set HEXCORE_CACHE}/.cache/hexcore"
    fi
}
