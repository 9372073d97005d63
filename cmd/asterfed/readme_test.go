package main_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/coredns/caddy/caddyfile"
)

// root is the top of the repository.
const root = "../.."

const pluginReadme = root + "/plugin/federation/README.md"

// documents returns every document with its text, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	files := []string{root + "/README.md", root + "/CHANGELOG.md", pluginReadme}
	for _, pattern := range []string{"/docs/*.md", "/docs/*/*.md"} {
		found, err := filepath.Glob(root + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("glob %s: %d files, %v", pattern, len(found), err)
		}
		files = append(files, found...)
	}
	docs := make(map[string]string, len(files))
	for _, f := range files {
		docs[f] = read(t, f)
	}
	return docs
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var corefileBlock = regexp.MustCompile("(?ms)^```corefile\n(.*?)^```$")

// etc writes the secrets that Corefiles name, and returns what puts their
// paths in place of those of an installed node.
func etc(t *testing.T) *strings.Replacer {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"gossip.key":   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
		"transfer.key": "key \"transfer.fed.example.\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n",
		"operator.key": "key \"operator\" {\n\talgorithm hmac-sha256;\n\tsecret \"b3BlcmF0b3I=\";\n};\n",
		"kamailio.key": "key \"kamailio\" {\n\talgorithm hmac-sha256;\n\tsecret \"a2FtYWlsaW8=\";\n};\n",
		"bind.key":     "key \"bind\" {\n\talgorithm hmac-sha256;\n\tsecret \"YmluZA==\";\n};\n",
		"archive.key":  "key \"archive\" {\n\talgorithm hmac-sha256;\n\tsecret \"YXJjaGl2ZQ==\";\n};\n",
		"ami.secret":   "s3cret\n",
		"trunks.csv":   "trunk,route\nberlin,+49\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.NewReplacer("/etc/asterfed", dir, "/var/lib/asterfed", filepath.Join(dir, "data"))
}

// build makes the command as it is now.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "asterfed")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build asterfed: %v\n%s", err, out)
	}
	return bin
}

// Whoever copies a Corefile out of a document has one that works.
func TestDocumentedCorefiles(t *testing.T) {
	bin, place := build(t), etc(t)
	for file, text := range documents(t) {
		for i, block := range corefileBlock.FindAllStringSubmatch(text, -1) {
			t.Run(fmt.Sprintf("%s/%d", strings.TrimPrefix(file, root+"/"), i+1), func(t *testing.T) {
				conf := filepath.Join(t.TempDir(), "Corefile")
				if err := os.WriteFile(conf, []byte(place.Replace(block[1])), 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := exec.CommandContext(t.Context(), bin, "serve", "--check", "--conf", conf).CombinedOutput()
				if want := conf + ": ok\n"; err != nil || string(out) != want {
					t.Errorf("got %q, %v; want %q", out, err, want)
				}
			})
		}
	}
	for _, file := range []string{root + "/README.md", pluginReadme} {
		if !corefileBlock.MatchString(read(t, file)) {
			t.Errorf("%s has no corefile block", file)
		}
	}
}

// Whoever copies a Corefile out of a document does not run an open resolver.
func TestDocumentedCorefilesAnswerNobodyElse(t *testing.T) {
	forwards := 0
	for file, text := range documents(t) {
		for _, block := range corefileBlock.FindAllStringSubmatch(text, -1) {
			servers, err := caddyfile.Parse(file, strings.NewReader(block[1]), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range servers {
				if s.Tokens["forward"] == nil {
					continue
				}
				forwards++
				if s.Tokens["acl"] == nil && s.Tokens["bind"] == nil {
					t.Errorf("%s: block %v forwards what anybody asks", file, s.Keys)
				}
			}
		}
	}
	if forwards == 0 {
		t.Error("no document forwards: this test cannot fail")
	}
}

// section returns the part of a document below a heading of level two.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("no section %q", heading)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// The plugin's README has CoreDNS's sections, in their order.
func TestPluginReadmeSections(t *testing.T) {
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(read(t, pluginReadme), -1) {
		got = append(got, m[1])
	}
	const want = "Name, Description, Syntax, Metrics, Ready, Examples, Bugs, See Also"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("sections are %s; want %s", s, want)
	}
}

// The error about an unknown property lists all there are; each is described.
func TestPluginReadmeProperties(t *testing.T) {
	_, err := config.Read("Corefile", []byte("fed.example {\nfederation {\nnonsense\n}\n}\n"))
	if err == nil {
		t.Fatal("an unknown property is accepted")
	}
	_, list, ok := strings.Cut(err.Error(), "want ")
	if !ok {
		t.Fatalf("error lists no properties: %v", err)
	}
	syntax := section(t, read(t, pluginReadme), "Syntax")
	names := strings.Fields(strings.NewReplacer(",", " ", " or ", " ").Replace(list))
	if len(names) < 10 {
		t.Fatalf("error lists %d properties: %v", len(names), err)
	}
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^    ` + name + ` `).MatchString(syntax) {
			t.Errorf("the outline lacks %q", name)
		}
		if !strings.Contains(syntax, "\n| `"+name+"` |") {
			t.Errorf("%q is not described", name)
		}
	}
	properties, _, _ := strings.Cut(syntax, "\n### Networks\n") // columns of files have tables of their own
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllStringSubmatch(properties, -1) {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+m[1]+" ") {
			t.Errorf("%q is described, but is no property", m[1])
		}
	}
}

// Every metric that the plugin makes is described, and no other.
func TestPluginReadmeMetrics(t *testing.T) {
	made := map[string]bool{}
	for _, pattern := range []string{"/*.go", "/*/*.go"} {
		files, err := filepath.Glob(root + "/plugin/federation" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, m := range regexp.MustCompile(`(?:(?:counter|desc)\(|Name: )"([a-z_]+)", (?:Help: )?"`).FindAllStringSubmatch(read(t, file), -1) {
				made["coredns_federation_"+m[1]] = true
			}
		}
	}
	if len(made) < 10 {
		t.Fatalf("the plugin makes %d metrics", len(made))
	}
	described := map[string]bool{}
	text := section(t, read(t, pluginReadme), "Metrics")
	for _, m := range regexp.MustCompile("(?m)^\\* `(coredns_federation_[a-z_]+)\\{").FindAllStringSubmatch(text, -1) {
		described[m[1]] = true
	}
	for name := range made {
		if !described[name] {
			t.Errorf("%s is not described", name)
		}
	}
	for file, text := range documents(t) {
		for _, name := range regexp.MustCompile(`coredns_federation_[a-z_]+`).FindAllString(text, -1) {
			if !made[name] {
				t.Errorf("%s names %s, which there is not", file, name)
			}
		}
	}
}

var (
	fenced   = regexp.MustCompile("(?ms)^(```|~~~).*?^(```|~~~)$")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors returns the fragments that a document's headings can be reached by.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		out[strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return out
}

// Every link within the repository leads somewhere.
func TestDocumentLinks(t *testing.T) {
	for file, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if u.IsAbs() {
				continue
			}
			target := file
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(file), u.Path)
			}
			fi, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s: link %s: %v", file, m[1], err)
				continue
			}
			if u.Fragment != "" && (fi.IsDir() || !anchors(read(t, target))[u.Fragment]) {
				t.Errorf("%s: link %s: no such heading", file, m[1])
			}
		}
	}
}

// The index of decisions has each of them, under its title, with a date and a
// status.
func TestDecisionsIndex(t *testing.T) {
	index := read(t, root+"/docs/decisions/README.md")
	files, err := filepath.Glob(root + "/docs/decisions/[0-9]*.md")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d decisions, %v", len(files), err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		title, _, _ := strings.Cut(read(t, f), "\n")
		number, title, ok := strings.Cut(strings.TrimPrefix(title, "# "), ": ")
		if !ok || !strings.HasPrefix(name, number+"-") {
			t.Errorf("%s: its title is %q", name, title)
		}
		row := regexp.MustCompile(`(?m)^\| ` + number + ` \| \[` + regexp.QuoteMeta(title) + `\]\(` + regexp.QuoteMeta(name) +
			`\) \| \d{4}-\d{2}-\d{2} \| (in force|superseded by \[\d+\]\(\S+\)) \|$`)
		if !row.MatchString(index) {
			t.Errorf("docs/decisions/README.md has no row of %s, %q", name, title)
		}
	}
}

var stop = regexp.MustCompile("(?m)^\\| (\\d+) \\| `([^`]+\\.go)` `([^`]+)` \\|")

// Each stop of the walks through the code is where the document says, and no walk
// has more than twelve.
func TestWalks(t *testing.T) {
	text := section(t, read(t, root+"/docs/architecture.md"), "Three walks")
	walks := strings.Split(text, "\n### ")[1:]
	if len(walks) != 3 {
		t.Fatalf("%d walks, want 3", len(walks))
	}
	for _, w := range walks {
		title, _, _ := strings.Cut(w, "\n")
		stops := stop.FindAllStringSubmatch(w, -1)
		if len(stops) < 5 || len(stops) > 12 {
			t.Errorf("%s: %d stops", title, len(stops))
		}
		for _, s := range stops {
			source := read(t, root+"/"+s[2])
			declared := `(?m)^(func ` + s[3] + `\(|type ` + s[3] + ` |var ` + s[3] + `\b)`
			if typ, method, ok := strings.Cut(s[3], "."); ok {
				declared = `(?m)^func \(\w+ \*?` + typ + `\) ` + method + `\(`
			}
			if !regexp.MustCompile(declared).MatchString(source) {
				t.Errorf("%s: %s does not declare %s", title, s[2], s[3])
			}
		}
	}
}

// The picture of the tree has every package that is built into the command.
func TestTreeIsDrawn(t *testing.T) {
	picture, _, _ := strings.Cut(read(t, root+"/docs/architecture.md"), "\n```\n\n")
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{.ImportPath}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		pkg, ours := strings.CutPrefix(path, "github.com/asterfed/asterfed/")
		if !ours {
			continue
		}
		name := pkg
		if rest, ok := strings.CutPrefix(pkg, "plugin/federation/"); ok {
			name = rest
		}
		if last := filepath.Base(name); !regexp.MustCompile(`(?m)(^|\s)(` + regexp.QuoteMeta(name) + `|` + regexp.QuoteMeta(last) + `)(\s|$)`).MatchString(picture) {
			t.Errorf("docs/architecture.md does not draw %s", pkg)
		}
	}
}
