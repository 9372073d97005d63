package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"
)

var updateFlags = []cli.Flag{confFlag, serverFlag,
	&cli.StringFlag{Name: "key", Usage: "sign with the TSIG key in `FILE` (default: the key of the Corefile's first update line)"},
	&cli.StringFlag{Name: "zone", Usage: "the home `ZONE` to update (default: the local node's); with --server and --key no Corefile is read"},
	&cli.DurationFlag{Name: "timeout", Value: updateLimit, Usage: "give up after `DURATION`"}}

// updateLimit is how long a node may take to carry out an UPDATE: it writes to
// its disk, and takes a few milliseconds. Who publishes from inside a registrar
// waits no longer for a node that is silent.
const updateLimit = 2 * time.Second

var publishCommand = &cli.Command{
	Name:      "publish",
	Usage:     "publish a user, number, prefix, range, wildcard, trunk, provider or service of the local node",
	ArgsUsage: "KIND NAME [to LAST] [user USER | of NAME]",
	Description: "Sends a DNS UPDATE (RFC 2136), signed with a key that an update line of the Corefile\n" +
		"names. It replaces what was published under that name before.\n\n" +
		"   asterfed publish number +97231231001 user 1001 --name \"Alice\" --for 1h\n" +
		"   asterfed publish range +97231234000 to +97231234999 --cost 10\n" +
		"   asterfed publish prefix +9723\n" +
		"   asterfed publish trunk berlin\n\n" +
		"Exit code 1 means that the node refused, 3 that it did not answer within --timeout: then the\n" +
		"update may have been carried out or not, and it is safe to send it again.",
	Flags: append([]cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "the `NAME` to display"},
		&cli.UintFlag{Name: "cost", Usage: "rank by `COST`, the lowest first (0 to 65535)"},
		&cli.StringFlag{Name: "for", Usage: "withdraw it after `DURATION`: 90s, 1h30m, 7d"},
		&cli.StringFlag{Name: "since", Usage: "it is there since `TIME` (2026-01-02T03:04:05Z) or for a DURATION (90s); the node ignores it unless the key's update line has \"since\""}}, updateFlags...),
	Action: publish,
}

var withdrawCommand = &cli.Command{
	Name:      "withdraw",
	Usage:     "withdraw what was published",
	ArgsUsage: "KIND NAME [to LAST] [user USER | of NAME]",
	Description: "Sends a DNS UPDATE (RFC 2136). Without \"to\", \"user\" and \"of\" it withdraws everything of that\n" +
		"kind with that name. It does not touch registrations.\n\n" +
		"Exit code 1 means that there was nothing to withdraw or that the node refused.",
	Flags:  updateFlags,
	Action: withdraw,
}

func publish(c *cli.Context) error {
	args, err := command.Arguments(c)
	if err != nil {
		return err
	}
	b, txt, err := subject(args, false)
	if err != nil {
		return command.Usage(err)
	}
	if s := c.String("name"); s != "" {
		if err := location.CheckName(s); err != nil { // one of 255 octets or more fits no message
			return command.Usage(err)
		}
		txt = append(txt, "n="+s)
	}
	if n := c.Uint("cost"); n != 0 {
		txt = append(txt, fmt.Sprint("cost=", n))
	}
	if s := c.String("for"); s != "" {
		txt = append(txt, "x=+"+s)
	}
	if s := c.String("since"); s != "" {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			s = "-" + s
		}
		txt = append(txt, "t="+s)
	}
	to, err := updateOf(c)
	if err != nil {
		return err
	}
	to.msg.Insert([]dns.RR{to.record(b, txt)})
	if err := to.send(); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "published %s %s at %s\n", b.Kind, b.AOR, to.zone)
	return nil
}

func withdraw(c *cli.Context) error {
	args, err := command.Arguments(c)
	if err != nil {
		return err
	}
	b, txt, err := subject(args, true)
	if err != nil {
		return command.Usage(err)
	}
	to, err := updateOf(c)
	if err != nil {
		return err
	}
	rr := to.record(b, txt)
	to.msg.RRsetUsed([]dns.RR{rr})
	to.msg.Remove([]dns.RR{rr})
	var refusal *rcodeError
	switch err := to.send(); {
	case errors.As(err, &refusal) && refusal.rcode == dns.RcodeNXRrset:
		return command.No("withdraw: %s %s is not published at %s", b.Kind, b.AOR, to.zone)
	case err != nil:
		return err
	}
	fmt.Fprintf(c.App.Writer, "withdrew %s %s at %s\n", b.Kind, b.AOR, to.zone)
	return nil
}

// subject reads what is to be published, and returns its name and the text of
// its record. With every, what is not given stands for any.
func subject(args []string, every bool) (location.Binding, []string, error) {
	var b location.Binding
	if len(args) < 2 || len(args)%2 != 0 {
		return b, nil, errors.New("want KIND NAME [to LAST] [user USER | of NAME]")
	}
	kind, err := location.ParseKind(args[0])
	if err != nil {
		return b, nil, err
	}
	var d location.Details
	given := map[string]string{}
	for i := 2; i < len(args); i += 2 {
		key := map[string]string{"to": "to", "user": "u", "of": "of"}[args[i]]
		if key == "" || given[key] != "" {
			return b, nil, fmt.Errorf("%q: want to LAST, user USER or of NAME", args[i])
		}
		given[key] = args[i+1]
		if _, err := d.Set(key, args[i+1]); err != nil {
			return b, nil, err
		}
	}
	name := args[1]
	if kind.Dialled() {
		if digits, ok, err := digitsOf(name, ""); err != nil {
			return b, nil, err
		} else if ok {
			name = digits
		}
	}
	if every && kind == location.Range && d.To == "" {
		d.To = name
	}
	if b, err = location.Publish(kind, name, d); err != nil {
		return b, nil, err
	}
	txt := []string{"k=" + kind.String()}
	for _, key := range []string{"u", "of", "to"} {
		if given[key] == "" && every && (key == "to" || given["u"]+given["of"] == "" || given["u"]+given["of"] == "*") {
			given[key] = "*"
		}
		if given[key] != "" {
			txt = append(txt, key+"="+given[key])
		}
	}
	return b, txt, nil
}

// updating is one UPDATE on its way to a home zone.
type updating struct {
	msg          *dns.Msg
	server, zone string
	key          *tsig.Key
	limit        time.Duration
}

// updateOf prepares an UPDATE for where the flags or the Corefile say.
func updateOf(c *cli.Context) (*updating, error) {
	u := &updating{zone: c.String("zone"), msg: new(dns.Msg), limit: c.Duration("timeout")}
	file := c.String("key")
	if u.zone == "" || file == "" || c.String("server") == "" {
		cfg, err := local(c)
		if err != nil {
			return nil, err
		}
		if u.zone == "" {
			u.zone = record.HomeZone(cfg.Node, cfg.Origin)
		}
		if file == "" && len(cfg.Updates) == 0 {
			return nil, command.Usage(errors.New("no key to sign with: the Corefile has no update line; give --key FILE"))
		} else if file == "" {
			file = cfg.Updates[0].File
		}
		if u.server, err = server(c, cfg); err != nil {
			return nil, err
		}
	} else {
		u.server = hostPort(c.String("server"))
	}
	u.zone = dns.CanonicalName(u.zone)
	u.msg.SetUpdate(u.zone)
	u.msg.SetEdns0(1232, false) // so that the server may say why
	var err error
	if u.key, err = tsig.ReadKey(file); err != nil {
		return nil, command.Usage(err)
	}
	return u, nil
}

func (u *updating) record(b location.Binding, txt []string) dns.RR {
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: record.Owner(b, u.zone), Rrtype: dns.TypeTXT, Class: dns.ClassINET}}
	for _, s := range txt {
		rr.Txt = append(rr.Txt, strings.ReplaceAll(s, `\`, `\\`))
	}
	return rr
}

// send signs the UPDATE, sends it over TCP, and waits for the answer. The limit is
// that of the whole: the library's own is for each step.
func (u *updating) send() error {
	ctx, cancel := context.WithTimeout(context.Background(), u.limit)
	defer cancel()
	u.msg.SetTsig(u.key.Name, u.key.Algorithm, tsig.Fudge, time.Now().Unix())
	c := &dns.Client{Net: "tcp", Timeout: u.limit, TsigSecret: map[string]string{u.key.Name: u.key.Secret}}
	r, _, err := c.ExchangeContext(ctx, u.msg, u.server)
	if r == nil || err != nil && !errors.Is(err, dns.ErrAuth) && r.Rcode != dns.RcodeNotAuth {
		return command.Silent(command.Unreachable(u.server, err))
	}
	switch refusal := (&rcodeError{r.Rcode, u.explain(r)}); r.Rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeServerFailure:
		return command.Silent(refusal)
	default:
		return cli.Exit(refusal, command.ExitNo)
	}
}
