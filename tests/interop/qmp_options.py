#!/usr/bin/env python3
"""Parses the same options with our parser and with QEMU's storage daemon and compares the messages.

usage: qmp_options.py REPLAY_PROGRAM

Intended differences: our nodes have fewer options and drivers, so only what both have is used.
"""
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LONG = "a" * 140
SPACE = " "
BLOCKDEV = f"""
file
help
?
driver
driver=
=x
=
driver=file
driver=file,
driver=file,,
file,filename
file,node-name=a,help
file,help,filename=b
nofoo
file,nofilename
file,filename=x,nofoo
null-co,node-name=a,size=1k
null-co,node-name=a,size=1x
null-co,node-name=a,size=
null-co,node-name=a,size=0x10
null-co,node-name=a,size=010
null-co,node-name=a,size=1.5k
null-co,node-name=a,size=99999999999999999999
null-co,node-name=a,size= 1
null-co,node-name=a,size=1{SPACE}
null-co,node-name=a,size=1,,
null-co,node-name=a,latency-ns=1.5
null-co,node-name=a,latency-ns=
null-co,node-name=a,latency-ns=18446744073709551616
null-co,node-name=a,read-zeroes=on
null-co,node-name=a,read-zeroes=yes
null-co,node-name=a,read-zeroes=true
null-co,node-name=a,read-zeroes=y
null-co,node-name=a,read-zeroes=n
null-co,node-name=a,read-zeroes=no
null-co,node-name=a,read-zeroes=false
null-co,node-name=a,read-zeroes=ON
null-co,node-name=a,read-zeroes=1
null-co,node-name=a,read-zeroes=
null-co,node-name=a,read-zeroes
raw,node-name=a,file.driver=null-co,offset=1K
raw,node-name=a,file.driver=null-co,offset=0x400
raw,node-name=a,file.driver=null-co,offset= 5
raw,node-name=a,file=x,file.driver=null-co
raw,node-name=a,file.driver=null-co,file=x
raw,node-name=a,file.0=x
raw,node-name=a,file.0=x,file.driver=y
raw,node-name=a,file.driver.x=y
raw,node-name=a,file.driver=foo
raw,node-name=a,file.foo=foo
raw,node-name=a,file.driver=null-co,file.foo=foo
raw,node-name=a,file.driver=null-co,file.size=foo
raw,node-name.x=a,file=a
raw,cache=a
raw,cache.direct=a,file=x
raw,cache.direct=on,cache.direct=off,file.driver=null-co,file.zz=1
0=a
0.1=file
a.0.1=x,a.0.2=y
a.0=x,a.0.2=y
a.1=x
a.0=x,a.2=y
a.0=x,a.b=y
a.00=x
a.99999999999999999999=a
a..b=x
a.=x
.a=x
a b=x
a b
a/b=x
@a=x
driver.a.=x
__a.b=1
__com.example_x=1
__com.example_x.__org_y=1
_a=1
A=1
a-b_c=1
1a=1
a.1b=1
a.-1=b
{LONG}=1
a.{LONG}.b=1
,driver=file
file,,filename=x
file,,,filename=x
driver=file,,x
file=x
a.b=1,a=2
a=1,a.b=2
a.b=1,a.b.c=2
a=1,b
a=1,b,c=2
a.b
a.b,x=1
fi,le=2
{{
{{"driver":
{{"driver":"file"}} x
{{}} {{}}
{{"driver":"file",}}
{{"a" 1}}
{{1}}
{{}}
{{'driver':'null-co','node-name':'a','size':'1M'}}
{{"driver":"null-co","node-name":"x","size":1}}@
{{"a":"
{{"driver":"null-co","node-name":"x","size":1}}
{{"driver":"raw","node-name":"x","file":{{"driver":"null-co","zz":1}}}}
"""
EXPORT = """
fuse
help
fuse,help
x
fuse,id=a,node-name=b,mountpoint=c,growable=x
fuse,id=a,node-name=b,growable=on
fuse,id=a,node-name=b,mountpoint=c,allow-other=x
fuse,id=a,node-name.x=b,mountpoint=c
"""
OBJECT = """
iothread,id=a,zz=1
zz,id=1
iothread
secret,id=a,data=x,format=zz
iothread,id=a,poll-max-ns=x
iothread,id=a,poll-max-ns=1k
iothread,id=a,poll-max-ns=9223372036854775808
secret,id=a,data.x=y
"""
CASES = [("blockdev", "driver", BLOCKDEV), ("export", "type", EXPORT),
         ("object", "qom-type", OBJECT)]
# Theirs are beyond parsing: our end says "ok" there.
LATER = ("node-name", "Cannot find", "chardev", "Could not", "must be specified")
LAST = "fusebay-ends-here"


def peer(kind, line):
    """Their message; "ok" if they go on to the next option, which stops them."""
    run = subprocess.run(["qemu-storage-daemon", f"--{kind}", line, "--blockdev", LAST],
                         capture_output=True, text=True, timeout=60, check=False)
    text = run.stderr.splitlines()[0] if run.stderr else ""
    if LAST in text:
        return "ok"
    message = text.removeprefix(f"qemu-storage-daemon: --{kind} {line}: ")
    if message == "Help is not available for this option":
        return "help"
    is_later = any(part in message for part in LATER) and "Parameter" not in message
    return "ok" if is_later else message


def main():
    failures = count = 0
    for kind, implied_key, text in CASES:
        lines = text.strip("\n").split("\n")
        ours = subprocess.run([sys.argv[1], kind, implied_key], input="\n".join(lines) + "\n",
                              capture_output=True, text=True, check=True).stdout.split("\n")
        with ThreadPoolExecutor(2) as pool:
            theirs = list(pool.map(lambda line, kind=kind: peer(kind, line), lines))
        for line, mine, yours in zip(lines, ours, theirs):
            count += 1
            if mine != yours:
                failures += 1
                print(f"--{kind} {line}\n  ours:   {mine}\n  theirs: {yours}")
    print(f"{count} options compared, {failures} differ")
    sys.exit(1 if failures else 0)


main()
