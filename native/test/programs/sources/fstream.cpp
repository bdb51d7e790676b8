// Files through iostreams and std::filesystem: written anew, appended to, changed in place, copied, renamed.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace fs = std::filesystem;

static int produce(const fs::path &directory) {
  std::ofstream lines(directory / "lines");
  for (int i = 0; i < 1000; i++) lines << "line " << i << '\n';
  lines.close();
  std::ofstream more(directory / "lines", std::ios::app);
  more << "the end\n";
  more.close();
  std::ofstream numbers(directory / "numbers", std::ios::binary);
  for (int i = 0; i < 100; i++) numbers.write(reinterpret_cast<const char *>(&i), sizeof i);
  numbers.close();
  std::fstream change(directory / "numbers", std::ios::in | std::ios::out | std::ios::binary);
  int answer = 42;
  change.seekp(sizeof answer);
  change.write(reinterpret_cast<const char *>(&answer), sizeof answer);
  change.close();
  fs::copy_file(directory / "lines", directory / "copy");
  {
    std::ofstream scoped(directory / "unfinished");
    scoped << "closed by its destructor\n";
  }
  fs::rename(directory / "unfinished", directory / "finished");
  return lines && more && numbers && change ? 0 : 1;
}

static int consume(const fs::path &directory) {
  std::ifstream lines(directory / "lines");
  std::string line, last;
  int count = 0;
  while (std::getline(lines, line)) {
    count++;
    last = line;
  }
  std::cout << count << " lines, the last: " << last << '\n';
  std::ifstream numbers(directory / "numbers", std::ios::binary);
  int value = 0, sum = 0;
  while (numbers.read(reinterpret_cast<char *>(&value), sizeof value)) sum += value;
  std::cout << "sum " << sum << '\n';
  std::cout << "copy has " << fs::file_size(directory / "copy") << " bytes\n";
  std::cout << "finished " << (fs::exists(directory / "finished") ? "exists" : "is missing") << '\n';
  std::ifstream copy(directory / "copy"), finished(directory / "finished");
  std::string text{std::istreambuf_iterator<char>(copy), {}};
  std::cout << text.size() << ' ' << finished.rdbuf();
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  return std::string(argv[1]) == "write" ? produce(argv[2]) : consume(argv[2]);
}
