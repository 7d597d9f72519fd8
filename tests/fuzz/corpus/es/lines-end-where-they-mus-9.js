Mvar a = 5
/2/1
out(a)