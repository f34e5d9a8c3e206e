# Strips roff markup (the man and mdoc macros) from manual pages. Reads pages from standard input, each behind a line
# of a zero byte and its name; writes NAME.txt for each below the directory given. Bytes in, the same bytes out: the
# text is UTF-8 already, so only markup is taken away. Needs nothing but perl-base.
use strict;
use warnings;

my ($out) = @ARGV;
defined $out or die "usage: roff-to-text.pl OUT <pages\n";

my %glyph = (
    aq => "'", dq => '"', lq => "\xe2\x80\x9c", rq => "\xe2\x80\x9d", oq => "\xe2\x80\x98", cq => "\xe2\x80\x99",
    bu => "\xe2\x80\xa2", em => "\xe2\x80\x94", en => "\xe2\x80\x93", co => "\xc2\xa9", rg => "\xc2\xae",
    mu => "\xc3\x97", '+-' => "\xc2\xb1", Fo => "\xc2\xab", Fc => "\xc2\xbb", ha => '^', ti => '~', rs => '\\',
    ga => '`', aa => "\xc2\xb4", hy => '-', mi => '-', '->' => "\xe2\x86\x92", '<-' => "\xe2\x86\x90", at => '@',
    sh => '#', Do => '$', bv => '|', ba => '|', sl => '/', lB => '[', rB => ']', lC => '{', rC => '}',
    '<=' => "\xe2\x89\xa4", '>=' => "\xe2\x89\xa5", '!=' => "\xe2\x89\xa0", de => "\xc2\xb0", ss => "\xc3\x9f",
    ul => '_', eq => '=', pl => '+', '**' => '*', r => "'", l => "'",
    ':a' => "\xc3\xa4", ':o' => "\xc3\xb6", ':u' => "\xc3\xbc", ':A' => "\xc3\x84", ':O' => "\xc3\x96",
    ':U' => "\xc3\x9c", "'e" => "\xc3\xa9", '`e' => "\xc3\xa8", "'a" => "\xc3\xa1", "'o" => "\xc3\xb3",
);

sub glyph {
    my ($name) = @_;
    if ($name =~ /^u([0-9A-Fa-f]{4,6})$/) {
        my $code = hex $1;
        return '' if $code > 0x10ffff || ($code >= 0xd800 && $code <= 0xdfff);
        my $character = chr $code;
        utf8::encode($character);
        return $character;
    }
    return $glyph{$name} // '';
}

# Escape sequences (groff(7), "Escape short reference") to what they print.
sub plain {
    my ($text) = @_;
    $text =~ s/\\["#].*//s;                                          # comments
    $text =~ s/\\\[([^\]\s]*)\]/glyph($1)/ge;                         # \[name]
    $text =~ s/\\\((..)/glyph($1)/ge;                                # \(na
    $text =~ s/\\[fFgkmMnVY*](?:\[[^\]]*\]|\(..|[+-]?.)//g;          # fonts, registers, colours, strings
    $text =~ s/\\s(?:[+-]?\[[^\]]*\]|\([+-]?..|[+-]?'[^']*'|[+-]?\d)//g;   # sizes
    $text =~ s/\\[bCDhHlLNoRSvwxXZ]'[^']*'//g;                        # motion, drawing, what has an argument
    $text =~ s/\\[&)%:,\/|^!?{}acdprtuz]//g;                          # of no width
    $text =~ s/\\[ ~0]/ /g;
    $text =~ s/\\'/\xc2\xb4/g;
    $text =~ s/\\([-.`_])/$1/g;
    $text =~ s/\\e/\\/g;
    return $text;
}

# The arguments of a macro: words, or "quoted words" in which "" stands for a quote.
sub arguments {
    my ($line) = @_;
    my @words;
    while ($line =~ /\G\s*(?:"((?:[^"]|"")*)"?|((?:\\.|[^\s\\])+))/gc) {
        my $word = defined $1 ? $1 =~ s/""/"/gr : $2;
        push @words, $word;
    }
    return @words;
}

my %spaced = map { $_ => 1 } qw(B I SM SB SH SS Sh Ss TP IP UR MT SY OP);
my %joined = map { $_ => 1 } qw(BR BI RB RI IB IR);
# mdoc: what prints its arguments, with what stands around them.
my %mdoc = (
    Nm => ['', ''], Ar => ['', ''], Pa => ['', ''], Cm => ['', ''], Ic => ['', ''], Li => ['', ''], Em => ['', ''],
    Sy => ['', ''], Va => ['', ''], Vt => ['', ''], Ft => ['', ''], Fa => ['', ''], Dv => ['', ''], Er => ['', ''],
    Ev => ['', ''], Fl => ['-', ''], Op => ['[', ']'], Ql => ["'", "'"], Dq => ['"', '"'], Sq => ["'", "'"],
    Pq => ['(', ')'], Aq => ['<', '>'], Bq => ['[', ']'], Xr => ['', ''], Fn => ['', '()'], It => ['', ''],
    Nd => ['- ', ''], Tn => ['', ''], An => ['', ''], Lk => ['', ''], Ux => ['', ''], Fx => ['', ''], Nx => ['', ''],
);
my $breaks = qr/^(?:PP|P|LP|Pp|sp|br|TP|IP|HP|RS|RE|nf|fi|EX|EE|Bl|El|Bd|Ed|in|ti|TQ|ce)$/;

sub page {
    my ($lines) = @_;
    my $text = '';
    my ($title, $table, $definition) = ('', 0, 0);
    for my $line (@$lines) {
        if ($definition) {    # the body of a macro definition
            $definition = 0 if $line =~ /^\.\.\s*$/;
            next;
        }
        if ($line =~ /^[.']\s*(?:\\["#]|$)/) { next }
        if ($line =~ /^\.\s*TS\b/) { $table = 1; next }
        if ($line =~ /^\.\s*TE\b/) { $table = 0; $text .= "\n"; next }
        if ($table) {    # the format of the columns ends with a full stop; then rows, cells apart by tabs
            $table = 2, next if $table == 1 && $line =~ /\.\s*$/ && $line !~ /^\./;
            next if $table == 1 || $line =~ /^\.|^T[{}]$|^[_=]$/;
            $line =~ s/\bT\{|T\}//g;
            my $row = plain($line) =~ s/\t+/ /gr;
            $text .= "$row\n";
            next;
        }
        if ($line =~ /^[.']\s*([A-Za-z1]{1,3})\b\s*(.*)$/) {
            my ($macro, $rest) = ($1, $2);
            return '' if $macro eq 'so';    # another page's name
            if ($macro eq 'de' || $macro eq 'ig' || $macro eq 'am') { $definition = 1; next }
            my @words = arguments($rest);
            if ($macro =~ /^S[HShs]$/ && @words) { $text .= "\n" . plain(join ' ', @words) . "\n\n" }
            elsif ($macro eq 'TP') { $text .= "\n" }
            elsif ($macro eq 'IP') { $text .= "\n" . plain($words[0] // '') . "\n" }
            elsif ($joined{$macro}) { $text .= plain(join '', @words) . "\n" }
            elsif ($spaced{$macro} && @words) { $text .= plain(join ' ', @words) . "\n" }
            elsif (my $around = $mdoc{$macro}) { $text .= $around->[0] . plain(join ' ', @words) . "$around->[1]\n" }
            elsif ($macro =~ $breaks) { $text .= "\n" if $macro ne 'br' }
            next;
        }
        next if $line =~ /^[.']/;
        $text .= plain($line) . "\n";
    }
    $text =~ s/[ \t]+$//gm;
    $text =~ s/\n{3,}/\n\n/g;
    $text =~ s/^\n+//;
    return $text;
}

sub write_page {
    my ($name, $lines) = @_;
    my $text = page($lines);
    return if length $text < 200;    # aliases and empty pages
    # Pages of the same name and section exist in two packages; both are kept.
    my ($path, $number) = ("$out/$name.txt", 1);
    $path = "$out/$name." . ++$number . '.txt' while -e $path;
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} $text or die "$path: $!\n";
    close $file or die "$path: $!\n";
}

binmode STDIN;
my ($name, @lines);
while (my $line = <STDIN>) {
    chomp $line;
    if ($line =~ /^\0([^\/\0]+)$/) {
        write_page($name, \@lines) if defined $name;
        ($name, @lines) = ($1);
        next;
    }
    push @lines, $line;
}
write_page($name, \@lines) if defined $name;
