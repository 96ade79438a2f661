# Shared by ./nestbox and ./nestbox-qemu, which set NESTBOX_HOME to the checkout. POSIX sh.
# Finds a Java runtime, builds on first use or when a source is newer than the build, and starts from a class-data archive.

nestbox_state="$NESTBOX_HOME/.nestbox"

nestbox_fail() {
    echo "nestbox: $*" >&2
    exit 74
}

# Major version of the JDK at $1, from its release file; empty if there is none.
nestbox_version() {
    [ -r "$1/release" ] && sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

# Whether $1 is a JDK of version 17 or later (a compiler is needed to build).
nestbox_usable() {
    [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] || return 1
    nestbox_found=$(nestbox_version "$1")
    [ -n "$nestbox_found" ] && [ "$nestbox_found" -ge 17 ]
}

nestbox_find_jdk() {
    if [ -n "${JAVA_HOME:-}" ] && nestbox_usable "$JAVA_HOME"; then
        nestbox_jdk=$JAVA_HOME
        return
    fi
    nestbox_java=$(command -v javac 2>/dev/null) && nestbox_java=$(readlink -f "$nestbox_java" 2>/dev/null || echo "$nestbox_java") &&
        nestbox_jdk=${nestbox_java%/bin/javac} && nestbox_usable "$nestbox_jdk" && return
    for nestbox_jdk in /usr/lib/jvm/*17* /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
        nestbox_usable "$nestbox_jdk" && return
    done
    nestbox_fail "no JDK 17 or later in JAVA_HOME, PATH or /usr/lib/jvm"
}

# Whether no source is newer than the build. A removed file shows as a newer directory.
nestbox_current() {
    [ -f "$nestbox_state/stamp" ] || return 1
    [ -z "$(cd "$NESTBOX_HOME" && find pom.xml */pom.xml */src/main -newer .nestbox/stamp -print 2>/dev/null | head -n 1)" ]
}

nestbox_build() {
    command -v mvn >/dev/null 2>&1 || nestbox_fail "Maven 3.8 or later is needed to build; there is no mvn in PATH"
    echo "nestbox: building, once ..." >&2
    nestbox_new="$nestbox_state/new.$$"
    mkdir -p "$nestbox_new"
    touch "$nestbox_new/stamp"
    (cd "$NESTBOX_HOME" && JAVA_HOME=$nestbox_jdk mvn -B -q -DskipTests package -pl cli -am </dev/null) >"$nestbox_state/build.log" 2>&1 || {
        cat "$nestbox_state/build.log" >&2
        rm -rf "$nestbox_new"
        nestbox_fail "the build failed"
    }
    cp "$NESTBOX_HOME"/cli/target/lib/*.jar "$NESTBOX_HOME"/cli/target/nestbox-cli-*.jar "$nestbox_new/" || nestbox_fail "the build left no jars"
    rm -rf "$nestbox_state/lib" "$nestbox_state"/*.jsa
    mv "$nestbox_new" "$nestbox_state/lib"
    mv "$nestbox_state/lib/stamp" "$nestbox_state/stamp"
}

# The class-data archive of this JDK, of what a short run loads. Not made at that run's end: such an archive on top of the JDK's
# leaves out classes of old versions, and the command line's library consists of these.
nestbox_archive() {
    nestbox_jsa="$nestbox_state/$(echo "$nestbox_jdk" | tr -c 'A-Za-z0-9.\n' '_').jsa"
}

nestbox_make_archive() {
    "$nestbox_jdk/bin/java" -XX:+UseSerialGC -XX:DumpLoadedClassList="$nestbox_jsa.$$.list" -Xlog:disable -Xlog:all=off \
        -cp "$nestbox_classpath" nestbox.cli.Main demo --quiet >/dev/null 2>&1 </dev/null
    "$nestbox_jdk/bin/java" -Xshare:dump -XX:SharedClassListFile="$nestbox_jsa.$$.list" -XX:SharedArchiveFile="$nestbox_jsa.$$" \
        -Xlog:disable -Xlog:all=off -cp "$nestbox_classpath" >/dev/null 2>&1 </dev/null
    rm -f "$nestbox_jsa.$$.list"
    if [ -s "$nestbox_jsa.$$" ]; then mv "$nestbox_jsa.$$" "$nestbox_jsa"; else : >"$nestbox_jsa"; rm -f "$nestbox_jsa.$$"; fi
}

nestbox_make_classpath() {
    nestbox_classpath=
    for nestbox_jar in "$nestbox_state"/lib/*.jar; do
        nestbox_classpath="$nestbox_classpath${nestbox_classpath:+:}$nestbox_jar"
    done
}

# Build and archive under a lock: whoever comes second waits and finds the work done.
nestbox_prepare() {
    mkdir -p "$nestbox_state" || nestbox_fail "cannot write to $nestbox_state"
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$nestbox_state/lock"
        flock 9
    else
        while ! mkdir "$nestbox_state/lock.d" 2>/dev/null; do sleep 1; done
        trap 'rmdir "$nestbox_state/lock.d" 2>/dev/null' EXIT
    fi
    nestbox_current || nestbox_build
    nestbox_make_classpath
    [ -f "$nestbox_jsa" ] || nestbox_make_archive
    if command -v flock >/dev/null 2>&1; then
        exec 9>&-
    else
        rmdir "$nestbox_state/lock.d"
        trap - EXIT
    fi
}

# nestbox_run MAIN ARGUMENTS...: becomes the Java process.
nestbox_run() {
    nestbox_find_jdk
    nestbox_archive
    if [ -f "$nestbox_jsa" ] && nestbox_current; then
        nestbox_make_classpath
    else
        nestbox_prepare
    fi
    nestbox_terminal=false
    [ -t 2 ] && nestbox_terminal=true
    nestbox_compiler=
    # The demo is over before the optimizing compiler has paid for itself.
    [ "${2:-}" = demo ] && nestbox_compiler=-XX:TieredStopAtLevel=1
    exec "$nestbox_jdk/bin/java" -XX:SharedArchiveFile="$nestbox_jsa" -Xshare:auto -Xlog:disable -Xlog:all=error:stderr \
        -XX:+UseSerialGC -XX:-UsePerfData -XX:MaxRAMPercentage=75 $nestbox_compiler -Dnestbox.terminal=$nestbox_terminal \
        ${NESTBOX_JAVA_OPTIONS:-} -cp "$nestbox_classpath" "$@"
}
