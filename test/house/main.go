// Command house counts what makes a tree of packages easy or hard to live in:
// files and lines a package, names that are exported for nobody, calls between
// the files of one package that go both ways, and the largest types. Test files
// count as users of a name, never as lines.
//
//	go run ./test/house          a table of all packages
//	go run ./test/house -check   the same, and status 1 where a bound is passed
package main

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/tools/go/packages"
)

// The bounds of a package and of a type. A type beyond them says why in its
// doc comment, in a sentence with the word "because".
const (
	maxFiles   = 25
	maxLines   = 2500
	maxFields  = 20
	maxMethods = 25
)

func main() {
	check := flag.Bool("check", false, "exit with status 1 where a bound is passed")
	names := flag.Bool("names", false, "list the exported names that only their own package uses")
	flag.Parse()
	tree, err := load()
	if err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
	passed := tree.packages(os.Stdout)
	passed += tree.types(os.Stdout)
	if *names {
		for _, n := range tree.unused {
			fmt.Println(n)
		}
	}
	fmt.Printf("\n%d packages, %d exported names that only their own package uses, %d bounds passed\n",
		len(tree.pkgs), len(tree.unused), passed)
	if *check && passed > 0 {
		os.Exit(1)
	}
}

// tree is every package of this module, without its tests.
type tree struct {
	module string
	pkgs   []*packages.Package
	unused []string // exported names, with their package
	own    map[string]int
}

func load() (*tree, error) {
	all, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
			packages.NeedTypesInfo | packages.NeedModule | packages.NeedImports | packages.NeedDeps,
		Tests: true, BuildFlags: []string{"-tags=e2e"},
	}, "./...")
	if err != nil {
		return nil, err
	}
	t := &tree{own: map[string]int{}}
	used := map[string]bool{} // "package.name" and "package.Type.method" from elsewhere
	for _, p := range all {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		if p.ID == p.PkgPath && !strings.HasSuffix(p.PkgPath, ".test") { // no variant that a test needs
			t.pkgs = append(t.pkgs, p)
		}
		if p.Module != nil {
			t.module = p.Module.Path
		}
		from := strings.TrimSuffix(strings.TrimSuffix(p.PkgPath, ".test"), "_test")
		for _, o := range p.TypesInfo.Uses {
			if o.Pkg() != nil && o.Pkg().Path() != from {
				used[key(o)] = true
			}
		}
	}
	slices.SortFunc(t.pkgs, func(a, b *packages.Package) int { return cmp.Compare(a.PkgPath, b.PkgPath) })
	asked := interfaceMethods(all)
	for _, p := range t.pkgs {
		if p.Name == "main" {
			continue
		}
		for id, o := range p.TypesInfo.Defs {
			if o == nil || !id.IsExported() || used[key(o)] || !countable(o) || asked[o.Name()] && isMethod(o) {
				continue
			}
			t.unused = append(t.unused, t.short(p.PkgPath)+": "+strings.TrimPrefix(key(o), p.PkgPath+"."))
			t.own[p.PkgPath]++
		}
	}
	slices.Sort(t.unused)
	return t, nil
}

func (t *tree) short(path string) string {
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(path, t.module), "/"), ".")
}

// key names an object alike in the package that defines it and in those that
// use it, which hold different objects for it.
func key(o types.Object) string {
	if f, ok := o.(*types.Func); ok {
		if recv := f.Type().(*types.Signature).Recv(); recv != nil {
			if n := named(recv.Type()); n != nil {
				return f.Pkg().Path() + "." + n.Obj().Name() + "." + f.Name()
			}
		}
	}
	return o.Pkg().Path() + "." + o.Name()
}

func named(t types.Type) *types.Named {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := t.(*types.Named)
	return n
}

func isMethod(o types.Object) bool {
	f, ok := o.(*types.Func)
	return ok && f.Type().(*types.Signature).Recv() != nil
}

// countable reports whether an object is a package-level name or a method of
// an exported type: fields follow their type.
func countable(o types.Object) bool {
	if isMethod(o) {
		n := named(o.(*types.Func).Type().(*types.Signature).Recv().Type())
		return n != nil && n.Obj().Exported()
	}
	return o.Parent() == o.Pkg().Scope()
}

// interfaceMethods are the methods that some interface, here or in what is
// imported, asks for: they may be called through it.
func interfaceMethods(all []*packages.Package) map[string]bool {
	asked := map[string]bool{"Error": true, "Unwrap": true, "String": true}
	packages.Visit(all, nil, func(p *packages.Package) {
		if p.Types == nil {
			return
		}
		for _, n := range p.Types.Scope().Names() {
			tn, ok := p.Types.Scope().Lookup(n).(*types.TypeName)
			if !ok {
				continue
			}
			if i, ok := tn.Type().Underlying().(*types.Interface); ok {
				for m := range i.Methods() {
					asked[m.Name()] = true
				}
			}
		}
	})
	return asked
}

// packages prints a row for each package and returns how many bounds are passed.
func (t *tree) packages(out *os.File) (passed int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "files\tlines\tcalls between files\tof them both ways\texported for nobody\t  package\t")
	for _, p := range t.pkgs {
		files, lines := len(p.Syntax), 0
		for _, f := range p.Syntax {
			lines += p.Fset.File(f.Pos()).LineCount()
		}
		calls, both := between(p)
		mark := ""
		if files > maxFiles || lines > maxLines {
			mark, passed = " !", passed+1
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t  %s%s\t\n", files, lines, calls, both, t.own[p.PkgPath], t.short(p.PkgPath), mark)
	}
	return passed
}

// between counts the calls between the files of a package, and those of them
// whose two files call each other.
func between(p *packages.Package) (calls, both int) {
	file := func(pos token.Pos) string { return filepath.Base(p.Fset.File(pos).Name()) }
	count := map[[2]string]int{}
	for _, f := range p.Syntax {
		from := file(f.Pos())
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			fn, ok := p.TypesInfo.Uses[id].(*types.Func)
			if !ok || fn.Pkg() != p.Types || !fn.Pos().IsValid() {
				return true
			}
			if to := file(fn.Pos()); to != from {
				count[[2]string{from, to}]++
			}
			return true
		})
	}
	for pair, n := range count {
		calls += n
		if count[[2]string{pair[1], pair[0]}] > 0 {
			both += n
		}
	}
	return calls, both
}

// types prints the largest types and returns how many pass a bound without a
// reason in their doc comment.
func (t *tree) types(out *os.File) (passed int) {
	type row struct {
		name            string
		fields, methods int
		reason          bool
	}
	var rows []row
	for _, p := range t.pkgs {
		docs := docs(p)
		for _, n := range p.Types.Scope().Names() {
			tn, ok := p.Types.Scope().Lookup(n).(*types.TypeName)
			if !ok || tn.IsAlias() {
				continue
			}
			nt, ok := tn.Type().(*types.Named)
			if !ok {
				continue
			}
			r := row{name: t.short(p.PkgPath) + "." + n, methods: nt.NumMethods(), reason: strings.Contains(docs[n], "because")}
			if s, ok := nt.Underlying().(*types.Struct); ok {
				r.fields = s.NumFields()
			}
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.fields+b.methods, a.fields+a.methods), cmp.Compare(a.name, b.name))
	})
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "fields\tmethods\t  the largest types\t")
	for i, r := range rows {
		over := r.fields > maxFields || r.methods > maxMethods
		mark := ""
		switch {
		case over && r.reason:
			mark = " (says why)"
		case over:
			mark, passed = " !", passed+1
		}
		if i < 12 || over {
			fmt.Fprintf(w, "%d\t%d\t  %s%s\t\n", r.fields, r.methods, r.name, mark)
		}
	}
	return passed
}

// docs are the doc comments of a package's types.
func docs(p *packages.Package) map[string]string {
	out := map[string]string{}
	for _, f := range p.Syntax {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE {
				continue
			}
			for _, s := range g.Specs {
				ts := s.(*ast.TypeSpec)
				out[ts.Name.Name] = g.Doc.Text() + ts.Doc.Text()
			}
		}
	}
	return out
}
