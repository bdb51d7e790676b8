/**
 * The programs, and what each does in the directory `$DIR`, which is managed, or is not for
 * comparison. `$IN` has the inputs (see inputs.ts), `$OUT` is a directory of the run's own, `$BIN`
 * has what was built from sources/, which is `$SRC`. Commands are those of bash.
 */

/**
 * A command that writes files into `$DIR`: each is to be published once, unless `again` names it.
 */
export interface Produce {
  readonly run: string
  /** What the matrix says beside that it works. */
  readonly note?: string
  /** Names of files that it closes after writing more than once. */
  readonly again?: readonly string[]
  /** Names of files whose bytes are others in each run. */
  readonly varies?: readonly string[]
}

/** A command that reads files in `$DIR`, which it begins before they are published. */
export interface Consume {
  readonly run: string
  /** What the matrix says beside that it works. */
  readonly note?: string
  /** Makes the files that it reads; else the command that produces does. */
  readonly given?: string
}

/** A command that cannot take part, why, and the outcome that shows it. */
export interface Cannot {
  readonly cannot: string
  readonly run: string
  readonly given?: string
  readonly outcome: { readonly code: number; readonly stdout: string; readonly stderr: string | RegExp }
}

export interface Program {
  readonly name: string
  /** Debian's packages that it needs. */
  readonly packages: readonly string[]
  /** What it does there, for the reader of the matrix. */
  readonly does: string
  readonly produce?: Produce | Cannot
  readonly consume?: Consume | Cannot
}

const PYTHON = ['python3']

/** A way of one of the Python programs of sources/. */
function python(
  name: string,
  script: string,
  way: string,
  does: string,
  packages = PYTHON,
  again: string[] = [],
  note?: string,
): Program {
  const run = (verb: string) => `/usr/bin/python3 "$SRC/${script}.py" ${way} ${verb} "$DIR"`
  return { name, packages, does, produce: { run: run('write'), again, note }, consume: { run: run('read') } }
}

/** A form of the Node program of sources/. */
function node(name: string, form: string, does: string, again: string[] = []) {
  const run = (verb: string) => `node "$SRC/forms.mjs" ${form} ${verb} "$DIR"`
  return { name, packages: [], does, produce: { run: run('write'), again }, consume: { run: run('read') } }
}

/** A way of a compiled program of sources/. */
function compiled(command: string) {
  return { produce: { run: `${command} write "$DIR"` }, consume: { run: `${command} read "$DIR"` } }
}

export const PROGRAMS: readonly Program[] = [
  {
    name: 'cat',
    packages: ['coreutils'],
    does: '`cat a b > file`, `cat file`',
    produce: { run: 'cat "$IN/text" "$IN/big" > "$DIR/both"' },
    consume: { run: 'cat "$DIR/both"' },
  },
  {
    name: 'cp',
    packages: ['coreutils'],
    does: 'several files, `-p`, over a file that is there, out of the directory',
    produce: {
      run: 'cp "$IN/text" "$IN/big" "$DIR" && cp -p "$IN/text" "$DIR/kept" && cp "$IN/big" "$DIR/text"',
      again: ['text'],
    },
    consume: { run: 'cp "$DIR/text" "$DIR/kept" "$DIR/big" "$OUT"' },
  },
  {
    name: 'dd',
    packages: ['coreutils'],
    does: '`of=`, in place with `conv=notrunc`, `if=`',
    produce: {
      run: `cd "$DIR" && dd if="$IN/big" of=big bs=64k status=none &&
        dd if="$IN/small" of=big conv=notrunc bs=8 seek=1000 status=none`,
      again: ['big'],
    },
    consume: { run: 'dd if="$DIR/big" bs=8 skip=998 count=1000 status=none' },
  },
  {
    name: 'tee',
    packages: ['coreutils'],
    does: 'two files at once, `-a`, reading one',
    produce: {
      run: 'tee "$DIR/one" "$DIR/two" < "$IN/text" > "$OUT/three" && tee -a "$DIR/two" < "$IN/small"',
      again: ['two'],
    },
    consume: { run: 'tee "$OUT/one" < "$DIR/one" && tee "$OUT/two" < "$DIR/two"' },
  },
  {
    name: 'mv',
    packages: ['coreutils'],
    does: 'into the directory, within it, over a file, from another file system, out of it',
    produce: {
      run: `cd "$OUT" && cp "$IN/big" a && cp "$IN/text" b && mv a "$DIR/into" && mv b "$DIR/first" &&
        mv "$DIR/first" "$DIR/within" && cp "$IN/big" "$DIR/over" && cp "$IN/text" c && mv c "$DIR/over" &&
        elsewhere=$(mktemp -p /dev/shm) && cp "$IN/big" "$elsewhere" && mv "$elsewhere" "$DIR/across"`,
      again: ['over'],
    },
    consume: { run: 'cd "$DIR" && mv into across "$OUT" && mv within "$OUT/renamed" && cp over "$OUT"' },
  },
  {
    name: 'install, ln, split, touch, truncate, sort',
    packages: ['coreutils'],
    does: 'modes and times set by path, hard links, files in parts',
    produce: {
      run: `cd "$DIR" && install -m 640 "$IN/big" installed && ln installed linked && split -n 3 "$IN/big" part- &&
        touch empty && cp "$IN/big" dated && touch -d 2001-01-01 dated && cp "$IN/big" short && truncate -s 5000 short &&
        cp "$IN/text" sorted && sort -o sorted sorted`,
      again: ['installed', 'dated', 'short', 'sorted'],
    },
    consume: {
      run: `cd "$DIR" && cat installed linked part-aa part-ab part-ac empty dated short sorted | sha256sum`,
    },
  },
  {
    name: 'head, tail, wc, cmp, grep, sha256sum',
    packages: ['coreutils', 'grep', 'diffutils'],
    does: 'reading, one after the other and two at once',
    consume: {
      given: 'cp "$IN/text" "$DIR/a"; cp "$IN/text" "$DIR/b"; cp "$IN/big" "$DIR/c"; cp "$IN/small" "$DIR/d"',
      run: `cd "$DIR" && head -n 2 a && tail -n 2 b && cmp a b && wc -c c && sha256sum d && grep -c 9 a b &&
        diff a b && cmp c d; test $? = 1`,
    },
  },
  {
    name: 'tar',
    packages: ['tar'],
    does: 'an archive, its files, reading it',
    produce: { run: 'tar -cf "$DIR/tree.tar" -C "$IN" tree && tar -xf "$IN/tree.tar" -C "$DIR"' },
    consume: {
      given: 'cp "$IN/tree.tar" "$DIR"',
      run: 'tar -tf "$DIR/tree.tar" && tar -xf "$DIR/tree.tar" -C "$OUT"',
    },
  },
  {
    name: 'gzip',
    packages: ['gzip'],
    does: 'a file in its place (`gzip file`), `-dc`',
    produce: { run: 'cp "$IN/big" "$DIR" && gzip -n "$DIR/big" && gzip -nc "$IN/text" > "$DIR/text.gz"' },
    consume: { run: 'gzip -dc "$DIR/big.gz" && gzip -t "$DIR/text.gz" && zcat "$DIR/text.gz"' },
  },
  {
    name: 'rsync',
    packages: ['rsync'],
    does: 'a tree with `-a`, twice, and `--inplace`; files by name',
    produce: {
      run: `rsync -a "$IN/tree/" "$DIR/tree" && rsync -a "$IN/tree/" "$DIR/tree" && rsync "$IN/big" "$DIR/big" &&
        rsync --inplace --ignore-times "$IN/text" "$DIR/text"`,
      again: ['text'],
    },
    consume: {
      run: `rsync -a "$DIR/big" "$DIR/text" "$OUT" && cat "$DIR/tree/below/two words" "$DIR/tree/below/empty" &&
        rsync -a "$DIR/tree/one" "$OUT"`,
      note: 'a directory is there once a file in it is',
    },
  },
  {
    name: 'sqlite3',
    packages: ['sqlite3'],
    does: 'a database with a journal, changed later, queried',
    produce: {
      run: `sqlite3 "$DIR/db" 'create table t (x integer primary key, y text);
          with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
            insert into t select i, hex(i * i) from n;' &&
        sqlite3 "$DIR/db" 'begin; update t set y = y || x where x % 7 = 0; commit; select count(*) from t'`,
      again: ['db'],
    },
    consume: { run: `sqlite3 "$DIR/db" 'select count(*), sum(length(y)) from t; select y from t where x = 700'` },
  },
  {
    name: 'bash',
    packages: ['bash'],
    does: '`{ …; } > file`, `>>`, `exec 3>`, `exec >`, here-documents, process substitution; `<`, `$(<file)`, `read`, `mapfile`, `test -f`, `source`',
    produce: {
      run: `cd "$DIR"
        { echo one; echo two; } > braces
        (echo sub; sort "$IN/text") > subshell
        for word in a b c; do echo $word; done > loop
        echo first > appended
        echo second >> appended
        exec 3> held; echo three >&3; cat "$IN/text" >&3; exec 3>&-
        cat <<< 'a here-string' > string
        cat > here <<- END
			a here-document of \${IN##*/}
		END
        tee >(sort > through) < "$IN/text" > teed; wait $!
        set -o noclobber; echo new > clobber; set +o noclobber
        : > empty
        echo 'told=yes' > script
        exec > rest; echo the rest; echo of the output`,
      again: ['appended'],
    },
    consume: {
      run: `cd "$DIR"
        cat < braces; test -f never || echo 'not yet'; sort subshell | head -n 3
        while read -r word; do echo "<$word>"; done < loop
        echo "$(< appended)"
        exec 3< held; read -r line <&3; echo "$line"; exec 3<&-
        mapfile -t lines < string; echo "\${lines[0]}"
        diff here <(cat here) && echo same
        test -f through && test -s teed && cat through teed | sha256sum
        [[ -e clobber && -r clobber ]] && cat clobber
        test -s empty || echo nothing
        source ./script; echo "$told"; cat rest`,
    },
  },
  {
    name: 'dash',
    packages: ['dash'],
    does: 'redirections as above, in a script that `sh` runs',
    produce: {
      run: `exec dash -c 'cd "$DIR"
        { echo one; echo two; } > braces
        (echo sub; cat "$IN/text") > subshell
        echo first > appended
        echo second >> appended
        exec 3> held; echo three >&3; cat "$IN/text" >&3; exec 3>&-
        printf "%s\\n" a b | while read -r x; do echo "$x"; done > loop
        exec > rest; echo the rest'`,
      again: ['appended'],
    },
    consume: {
      run: `exec dash -c 'cd "$DIR"
        while read -r x; do echo "<$x>"; done < braces
        cat < subshell | wc -l
        exec 3< held; read -r x <&3; echo "$x"
        test -f appended && cat appended
        [ -s loop ] && cat loop
        cat rest'`,
    },
  },
  {
    name: 'gawk',
    packages: ['gawk'],
    does: '`print > file`, `>> file`, `close`, pipes into files; records, `getline < file`',
    produce: {
      run: `gawk -v dir="$DIR" '{ print > (dir "/part-" NR % 3) }
        END { f = dir "/again"; print "a" > f; close(f); print "b" >> f; print "c" | ("cat > " dir "/piped") }' "$IN/text"`,
      again: ['again'],
    },
    consume: {
      run: `gawk -v dir="$DIR" '{ n += length($0) }
        END { print n, NR; while ((getline line < (dir "/again")) > 0) print line; while ((getline line < (dir "/piped")) > 0) print line }' \
        "$DIR/part-0" "$DIR/part-1" "$DIR/part-2"`,
    },
  },
  {
    name: 'sed',
    packages: ['sed'],
    does: '`-i`, `w`; reading',
    produce: {
      run: `cp "$IN/text" "$DIR" && sed -i 's/line/LINE/' "$DIR/text" && sed -n "/7/w $DIR/written" "$IN/text"`,
      again: ['text'],
    },
    consume: { run: `sed -n '5p' "$DIR/text" && sed -n '$=' "$DIR/written"` },
  },
  {
    name: 'perl',
    packages: ['perl-base'],
    does: '`open` in every mode, `-i`, `rename`',
    produce: {
      run: `perl -e 'chdir $ENV{DIR}; open my $f, ">", "text" or die $!; print $f "line $_\\n" for 1..3000; close $f or die $!;
        open $f, "+<", "text"; seek $f, 100, 0; print $f "changed"; close $f or die $!;
        open $f, ">>", "left"; print $f "closed by the end"; rename "text", "renamed" or die $!' &&
        perl -pi -e 's/LINE/x/i' "$DIR/renamed"`,
      again: ['text', 'renamed'],
    },
    consume: {
      run: `perl -e 'chdir $ENV{DIR}; open my $f, "<", "renamed" or die $!; my @lines = <$f>; print scalar(@lines), $lines[10];
        print -s "left", -e "left" ? " is there\\n" : " is not there\\n"; open $f, "left" or die $!; print <$f>'`,
    },
  },
  python('python3: open', 'files', 'open', 'modes `w`, `a`, `x`, `wb` unbuffered, `r+b`; `r`, `rb`', PYTHON, [
    'text',
    'bytes',
  ]),
  python(
    'python3: os',
    'files',
    'os',
    '`os.open` with `dir_fd`, `dup`, `mkstemp` and `replace`, `mmap`; `access`, `stat`',
    PYTHON,
    ['mapped'],
  ),
  python('python3: pathlib', 'files', 'pathlib', '`write_text`, `rename`, `unlink`, `touch`; `is_file`, `read_bytes`'),
  python(
    'python3: shutil',
    'files',
    'shutil',
    '`copy`, `copy2`, `copyfile`, `copytree`, `move`, `os.utime`; `copy`',
    PYTHON,
    ['copy', 'copy2', 'tree/source'],
  ),
  python('python3: threads', 'files', 'threads', 'eight threads, sixteen files'),
  python('python3: multiprocessing, fork', 'processes', 'fork', 'a pool of three, six files'),
  python('python3: multiprocessing, spawn', 'processes', 'spawn', 'a pool of three, six files'),
  python('python3: subprocess', 'processes', 'subprocess', 'descriptors for children, `shell=True`, `cwd`', PYTHON),
  python(
    'NumPy',
    'science',
    'numpy',
    '`save`, `savez`, `savetxt`, `tofile`, `open_memmap`; `load`, also with `mmap_mode`, `loadtxt`, `fromfile`',
    ['python3', 'python3-numpy'],
    ['mapped.npy', 'table.txt'],
    '`savetxt` closes its file empty first, and a consumer that waits gets that',
  ),
  python(
    'h5py',
    'science',
    'h5py',
    'frames with chunks and gzip, one changed later (`r+`); `File(…, "r")`',
    ['python3', 'python3-numpy', 'python3-h5py'],
    ['frame-0.h5'],
  ),
  python(
    'netCDF4',
    'science',
    'netCDF4',
    '`Dataset` in both formats, appended to; reading',
    ['python3', 'python3-numpy', 'python3-netcdf4'],
    ['NETCDF4.nc', 'NETCDF3_CLASSIC.nc'],
  ),
  {
    name: 'h5dump, h5repack',
    packages: ['hdf5-tools', 'python3-h5py'],
    does: '`h5repack in out`, `h5dump -o file`; `h5dump file`',
    produce: {
      run: 'h5repack -f GZIP=5 "$IN/frame.h5" "$DIR/packed.h5" && h5dump -d /x -o "$DIR/dump.txt" "$IN/frame.h5" > "$OUT/header"',
      varies: ['packed.h5'],
    },
    consume: { run: 'cd "$DIR" && h5dump packed.h5 && h5ls packed.h5 && cat dump.txt' },
  },
  {
    name: 'HDF5 in C',
    packages: ['libhdf5-dev'],
    does: 'four frames by `H5Fcreate`, `H5Fopen`',
    ...compiled('"$BIN/frames"'),
  },
  {
    name: 'Fortran (gfortran)',
    packages: ['gfortran'],
    does: 'formatted, unformatted and stream units, one left open at the end; `inquire`',
    produce: { run: '"$BIN/units" write "$DIR"', again: ['formatted'] },
    consume: { run: '"$BIN/units" read "$DIR"' },
  },
  {
    name: 'C++ (g++)',
    packages: ['g++'],
    does: '`ofstream`, `app`, `in | out`, `filesystem::copy_file`, `rename`; `ifstream`, `file_size`, `exists`',
    produce: { run: '"$BIN/fstream" write "$DIR"', again: ['lines', 'numbers'] },
    consume: { run: '"$BIN/fstream" read "$DIR"' },
  },
  {
    name: 'C: the demo pair',
    packages: ['gcc'],
    does: 'ten files of ten integers, `fopen`, `fwrite`, `fclose`; `fopen`, `fread`, `fclose`',
    produce: { run: '"$BIN/demo-producer" 10 "$DIR"' },
    consume: { run: '"$BIN/demo-consumer" 10 "$DIR"' },
  },
  {
    name: 'C: eight threads',
    packages: ['gcc'],
    does: '64 files at once, by `open` and by `fopen`',
    ...compiled('"$BIN/threads"'),
  },
  {
    name: 'C: two forked children',
    packages: ['gcc'],
    does: 'they write by one inherited descriptor, published once; they read a file each',
    produce: { run: '"$BIN/forks" write "$DIR"' },
    consume: {
      given: 'cp "$IN/text" "$DIR/child-0"; cp "$IN/big" "$DIR/child-1"',
      run: '"$BIN/forks" read "$DIR"',
    },
  },
  {
    name: 'C: chmod and utime after the close',
    packages: ['gcc'],
    does: 'files of which the mode or the time is changed once they are published, by ten functions',
    produce: {
      run: '"$BIN/attributes" "$DIR"',
      again: [
        ...['chmod', 'fchmod', 'fchmodat', 'utime', 'utimes'],
        ...['lutimes', 'futimes', 'futimesat', 'utimensat', 'futimens'],
      ],
    },
  },
  {
    name: 'MPI, four ranks (mpich)',
    packages: ['mpich', 'libmpich-dev'],
    does: 'a file for each rank, and one of all by MPI-IO, under `mpiexec`',
    produce: { run: 'mpiexec -n 4 "$BIN/mpi" write "$DIR"', again: ['together'] },
    consume: { run: 'mpiexec -n 4 "$BIN/mpi" read "$DIR"' },
  },
  node(
    'Node: synchronous',
    'sync',
    '`writeFileSync`, `appendFileSync`, `openSync`, `copyFileSync`, `renameSync`, `unlinkSync`; `statSync`, `existsSync`',
    ['appended'],
  ),
  node('Node: callbacks', 'callback', '`fs.open`, `fs.copyFile`, `fs.rename`; `fs.read`, `fs.stat`'),
  node('Node: promises', 'promises', '`writeFile`, `FileHandle`, `rename`; `readFile`, `readLines`, `stat`'),
  node('Node: streams', 'streams', '`createWriteStream`, also of a handle; `createReadStream`', ['stream']),
  node('Node: CommonJS', 'commonjs', "`require('fs')`"),
  node('Node: worker threads', 'workers', 'two threads, a file each'),
  node('Node: child processes', 'children', 'Node and a shell, started by Node', ['appended']),
  {
    name: 'git clone',
    packages: ['git'],
    does: 'a clone with its working tree',
    produce: {
      run: 'git clone -q "file://$IN/repository" "$DIR/clone" && git -C "$DIR/clone" log --oneline && git -C "$DIR/clone" status --short',
      again: ['HEAD', 'config', 'index'].map((name) => `clone/.git/${name}`),
      varies: ['clone/.git/index'],
    },
    consume: {
      given: 'git -C "$IN/repository" bundle create -q "$DIR/bundle" HEAD main',
      run: 'head -c 0 "$DIR/bundle" && git clone -q "$DIR/bundle" "$OUT/clone" && cat "$OUT/clone/two" && rm -rf "$OUT/clone"',
      note: 'of a bundle that is published: git looks whether it exists before it opens it',
    },
  },
  {
    name: 'git apply',
    packages: ['git'],
    does: 'a patch',
    produce: { run: 'git -C "$IN/repository" format-patch -q -1 -o "$DIR"' },
    consume: { run: 'cd "$OUT" && git apply "$DIR/0001-second.patch" && cat two' },
  },
  {
    name: 'make, gcc, ld, ar',
    packages: ['make', 'gcc', 'binutils'],
    does: 'objects, a library and a program as targets; a prerequisite and an `include`',
    produce: { run: 'make -s -j2 -C "$IN/project" TO="$DIR" && "$DIR/program"', again: ['libparts.a', 'program'] },
    consume: {
      given: 'cp "$IN/text" "$DIR"; echo "WORD = included" > "$DIR/settings.mk"',
      run: 'make -s -f "$IN/project/reading.mk" FROM="$DIR" TO="$OUT" && cat "$OUT/upper" "$OUT/word"',
      note: 'an `include` waits; a prerequisite has to be published, since make looks whether it exists',
    },
  },
  {
    name: 'ls, find, patterns of the shell',
    packages: ['coreutils', 'findutils'],
    does: 'reading a directory',
    consume: {
      cannot: 'a listing shows the files that are here, and waits for none; name them',
      given: 'cp "$IN/text" "$DIR"',
      run: 'cd "$DIR" && ls && find . -type f && echo *',
      outcome: { code: 0, stdout: '*\n', stderr: '' },
    },
  },
  {
    name: 'static programs',
    packages: ['gcc', 'libc6-dev'],
    does: 'the demo pair, linked with `-static`',
    produce: {
      cannot: 'no library can be loaded into them, so nothing is published; `dyad run` warns',
      run: 'exec "$BIN/static-producer" 1 "$DIR"',
      outcome: { code: 0, stdout: 'File 0: written\n', stderr: '' },
    },
    consume: {
      cannot: 'no library can be loaded into them, so they do not wait; `dyad run` warns',
      given: '"$BIN/demo-producer" 1 "$DIR"',
      run: 'exec "$BIN/static-consumer" 1 "$DIR"',
      outcome: { code: 1, stdout: '', stderr: 'fopen: No such file or directory\n' },
    },
  },
]

/** Two programs at once, each under `dyad run`: the second is started first. */
export interface Pair {
  readonly name: string
  readonly produce: string
  readonly consume: string
  readonly stdout: string
}

const PYTHON_READS = '/usr/bin/python3 -c "import sys, h5py, numpy; exec(sys.argv[2])" "$DIR"'

export const PAIRS: readonly Pair[] = [
  {
    name: 'frames in HDF5 of a C program, read by h5py',
    produce: '"$BIN/frames" write "$DIR"',
    consume: `${PYTHON_READS} 'for i in range(4): print(h5py.File(f"{sys.argv[1]}/frame-{i}.h5", "r")["positions"][:].sum(dtype="f8"))'`,
    stdout: '15000.0\n165000.0\n315000.0\n465000.0\n',
  },
  {
    name: 'a stream of a Fortran program, read by NumPy',
    produce: '"$BIN/units" write "$DIR"',
    consume: `${PYTHON_READS} 'print(numpy.fromfile(f"{sys.argv[1]}/stream")[1])'`,
    stdout: '42.0\n',
  },
  {
    name: 'the demo pair in C',
    produce: '"$BIN/demo-producer" 10 "$DIR"',
    consume: '"$BIN/demo-consumer" 10 "$DIR"',
    stdout: Array.from({ length: 10 }, (_, i) => `File ${i}: OK\n`).join(''),
  },
  {
    name: 'an archive of tar, unpacked by Python',
    produce: 'tar -cf "$DIR/tree.tar" -C "$IN" tree',
    consume: `/usr/bin/python3 -m tarfile -e "$DIR/tree.tar" "$OUT" && cmp "$OUT/tree/one" "$IN/text" && echo same`,
    stdout: 'same\n',
  },
]
