"""Files by Python's own library: `files.py WAY write|read DIRECTORY`, one function for each way and verb."""
import mmap
import os
import pathlib
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

TEXT = "".join(f"line {i} ü\n" for i in range(2000))


def open_write(directory):
    with open(f"{directory}/text", "w", encoding="utf-8") as file:
        file.write(TEXT)
    with open(f"{directory}/text", "a", encoding="utf-8") as file:
        file.write("the end\n")
    with open(f"{directory}/new", "x") as file:
        print("made anew", file=file)
    with open(f"{directory}/bytes", "wb", buffering=0) as file:
        file.write(bytes(range(256)) * 400)
    with open(f"{directory}/bytes", "r+b") as file:
        file.seek(1000)
        file.write(b"changed in place")


def open_read(directory):
    with open(f"{directory}/text", encoding="utf-8") as file:
        print(sum(len(line) for line in file))
    with open(f"{directory}/new") as file:
        print(file.read().strip())
    with open(f"{directory}/bytes", "rb", buffering=0) as file:
        file.seek(1000)
        print(file.read(16), os.fstat(file.fileno()).st_size)


def os_write(directory):
    fd = os.open("raw", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=os.open(directory, os.O_RDONLY))
    os.write(fd, b"by os.open and dir_fd\n")
    copy = os.dup(fd)
    os.close(fd)
    os.write(copy, b"by os.dup\n")
    os.close(copy)
    fd, name = tempfile.mkstemp(dir=directory)
    with os.fdopen(fd, "w") as file:
        file.write("replaced at once\n")
    os.replace(name, f"{directory}/replaced")
    with open(f"{directory}/mapped", "wb") as file:
        file.truncate(8192)
    with open(f"{directory}/mapped", "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[4096:4102] = b"mapped"


def os_read(directory):
    fd = os.open("raw", os.O_RDONLY, dir_fd=os.open(directory, os.O_RDONLY))
    print(os.read(fd, 1000))
    print(os.access(f"{directory}/replaced", os.R_OK), os.stat(f"{directory}/replaced").st_size)
    print(open(f"{directory}/replaced").read(), end="")
    with open(f"{directory}/mapped", "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        print(view[4090:4110])


def pathlib_write(directory):
    place = pathlib.Path(directory)
    (place / "below" / "it").mkdir(parents=True)
    (place / "below" / "it" / "text").write_text(TEXT)
    (place / "bytes").write_bytes(b"\0" * 100)
    (place / "old").write_text("renamed\n")
    (place / "old").rename(place / "new")
    (place / "gone").write_text("removed\n")
    (place / "gone").unlink()
    (place / "empty").touch()


def pathlib_read(directory):
    place = pathlib.Path(directory)
    print(len((place / "below" / "it" / "text").read_text()))
    print((place / "bytes").stat().st_size, (place / "bytes").read_bytes() == b"\0" * 100)
    print((place / "new").is_file(), (place / "new").read_text().strip())
    print((place / "empty").exists(), (place / "empty").read_bytes())


def shutil_write(directory):
    with tempfile.TemporaryDirectory() as elsewhere:
        source = pathlib.Path(elsewhere, "source")
        source.write_text(TEXT)
        shutil.copy(source, f"{directory}/copy")
        shutil.copy2(source, f"{directory}/copy2")
        shutil.copyfile(source, f"{directory}/copyfile")
        shutil.copytree(elsewhere, f"{directory}/tree")
        os.utime(f"{directory}/copy2", (1, 1))
        shutil.move(source, f"{directory}/moved")


def shutil_read(directory):
    with tempfile.TemporaryDirectory() as elsewhere:
        for name in ["copy", "copy2", "copyfile", "tree/source", "moved"]:
            target = shutil.copy(f"{directory}/{name}", f"{elsewhere}/copy")
            print(name, open(target).read() == TEXT, os.path.getsize(target))


def threads_write(directory):
    def write(i):
        pathlib.Path(directory, f"part-{i}").write_text(TEXT[: 1000 * (i + 1)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))


def threads_read(directory):
    with ThreadPoolExecutor(8) as pool:
        print(list(pool.map(lambda i: len(pathlib.Path(directory, f"part-{i}").read_text()), range(16))))


globals()[f"{sys.argv[1]}_{sys.argv[2]}"](sys.argv[3])
