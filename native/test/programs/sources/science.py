"""Scientific formats: `science.py numpy|h5py|netCDF4 write|read DIRECTORY`."""
import sys

FRAMES = 4


def numpy_write(directory):
    import numpy

    grid = numpy.arange(60_000, dtype="f8").reshape(200, 300)
    numpy.save(f"{directory}/grid.npy", grid)
    numpy.savez(f"{directory}/both.npz", grid=grid, squares=grid[0] ** 2)
    numpy.savetxt(f"{directory}/table.txt", grid[:10, :5])
    grid.tofile(f"{directory}/raw")
    mapped = numpy.lib.format.open_memmap(f"{directory}/mapped.npy", mode="w+", dtype="i4", shape=(1000,))
    mapped[:] = numpy.arange(1000)
    mapped.flush()


def numpy_read(directory):
    import numpy

    grid = numpy.load(f"{directory}/grid.npy")
    print(grid.shape, grid.sum())
    with numpy.load(f"{directory}/both.npz") as both:
        print(sorted(both), both["squares"].sum(), (both["grid"] == grid).all())
    print(numpy.loadtxt(f"{directory}/table.txt").sum())
    print(numpy.fromfile(f"{directory}/raw").sum())
    print(numpy.load(f"{directory}/mapped.npy", mmap_mode="r").sum())


def h5py_write(directory):
    import h5py
    import numpy

    for i in range(FRAMES):
        with h5py.File(f"{directory}/frame-{i}.h5", "w") as file:
            file["positions"] = numpy.full((1000, 3), i, dtype="f4")
            file.create_dataset("packed", data=numpy.arange(10_000) + i, chunks=True, compression="gzip")
            file.attrs["step"] = i
    with h5py.File(f"{directory}/frame-0.h5", "r+") as file:
        file["positions"][0, 0] = 42


def h5py_read(directory):
    import h5py

    for i in range(FRAMES):
        with h5py.File(f"{directory}/frame-{i}.h5", "r") as file:
            print(file.attrs["step"], file["positions"][:].sum(), file["packed"][-1])


def netCDF4_write(directory):
    import netCDF4
    import numpy

    for form in ["NETCDF4", "NETCDF3_CLASSIC"]:
        with netCDF4.Dataset(f"{directory}/{form}.nc", "w", format=form) as file:
            file.createDimension("x", 50)
            file.createDimension("time", None)
            field = file.createVariable("field", "f4", ("time", "x"))
            for step in range(10):
                field[step, :] = numpy.full(50, step)
        with netCDF4.Dataset(f"{directory}/{form}.nc", "a") as file:
            file.title = "appended"


def netCDF4_read(directory):
    import netCDF4

    for form in ["NETCDF4", "NETCDF3_CLASSIC"]:
        with netCDF4.Dataset(f"{directory}/{form}.nc") as file:
            print(file.title, file["field"].shape, file["field"][:].sum())


globals()[f"{sys.argv[1]}_{sys.argv[2]}"](sys.argv[3])
