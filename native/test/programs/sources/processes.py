"""Files of several processes: `processes.py fork|spawn|subprocess write|read DIRECTORY`."""
import multiprocessing
import subprocess
import sys
from pathlib import Path


def write_part(place):
    directory, i = place
    Path(directory, f"part-{i}").write_text(f"part {i}\n" * (i + 1) * 100)
    return i


def read_part(place):
    directory, i = place
    return len(Path(directory, f"part-{i}").read_text())


def by_pool(method, verb, directory):
    with multiprocessing.get_context(method).Pool(3) as pool:
        work = write_part if verb == "write" else read_part
        print(pool.map(work, [(directory, i) for i in range(6)], chunksize=1))


def by_subprocess(verb, directory):
    if verb == "write":
        with open(f"{directory}/sorted", "wb") as file:
            subprocess.run(["sort", "-r"], input=b"a\nc\nb\n", stdout=file, check=True)
        subprocess.run("echo by a shell > by-shell", shell=True, cwd=directory, check=True)
        with open(f"{directory}/shared", "w") as file:
            file.write("the parent, ")
            file.flush()
            child = subprocess.Popen(["sh", "-c", "echo the child"], stdout=file)
        child.wait()
    else:
        print(subprocess.check_output(["cat", f"{directory}/sorted"]))
        print(subprocess.check_output("read line < by-shell; echo $line", shell=True, cwd=directory))
        with open(f"{directory}/shared") as file:
            print(subprocess.check_output(["wc", "-c"], stdin=file))


if __name__ == "__main__":
    way, verb, directory = sys.argv[1:]
    if way == "subprocess":
        by_subprocess(verb, directory)
    else:
        by_pool(way, verb, directory)
