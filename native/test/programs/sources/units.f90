! Formatted, unformatted and stream units, written or read in the directory that the second argument names.
program units
  implicit none
  character(len=16) :: what
  character(len=1024) :: directory
  call get_command_argument(1, what)
  call get_command_argument(2, directory)
  if (what == 'write') then
    call produce(trim(directory))
  else
    call consume(trim(directory))
  end if
contains
  subroutine produce(place)
    character(len=*), intent(in) :: place
    real(8) :: field(1000)
    integer :: i
    field = [(sqrt(real(i, 8)), i = 1, size(field))]
    open (unit=10, file=place // '/formatted', form='formatted', status='replace', action='write')
    do i = 1, 100
      write (10, '(i6, f12.6)') i, field(i)
    end do
    close (10)
    open (unit=10, file=place // '/formatted', form='formatted', position='append', action='write')
    write (10, '(a)') 'the end'
    close (10)
    open (newunit=i, file=place // '/unformatted', form='unformatted', status='new', action='write')
    write (i) field
    write (i) sum(field)
    close (i)
    open (newunit=i, file=place // '/stream', form='unformatted', access='stream', status='replace')
    write (i) field
    write (i, pos=9) 42.0_8
    close (i)
    ! Left open: the end of the program closes it.
    open (unit=11, file=place // '/left-open', form='formatted', status='replace', action='write')
    write (11, '(a)') 'closed by the end of the program'
  end subroutine produce

  subroutine consume(place)
    character(len=*), intent(in) :: place
    character(len=80) :: line
    real(8) :: field(1000), total
    integer :: unit, status, count
    logical :: is_there
    open (newunit=unit, file=place // '/formatted', form='formatted', status='old', action='read')
    count = 0
    do
      read (unit, '(a)', iostat=status) line
      if (status /= 0) exit
      count = count + 1
    end do
    close (unit)
    print '(i0, a)', count, ' lines'
    open (newunit=unit, file=place // '/unformatted', form='unformatted', status='old', action='read')
    read (unit) field
    read (unit) total
    close (unit)
    print '(a, f16.6, l2)', 'sum', total, abs(total - sum(field)) < 1d-6
    open (newunit=unit, file=place // '/stream', form='unformatted', access='stream', status='old', action='read')
    read (unit) field
    close (unit)
    print '(a, f16.6)', 'changed to', field(2)
    inquire (file=place // '/left-open', exist=is_there)
    print '(a, l2)', 'left-open is there', is_there
    open (newunit=unit, file=place // '/left-open', status='old', action='read')
    read (unit, '(a)') line
    close (unit)
    print '(a)', trim(line)
  end subroutine consume
end program units
