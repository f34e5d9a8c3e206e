@main
struct Main { static func main() { ModelBench.main() } }
